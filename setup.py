"""What pyproject.toml can't say: `lessons/` stands at the top of the project and ships inside the package."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["smtplab*"]), "smtplab.lessons"],
    package_dir={"smtplab.lessons": "lessons"},
)
