"""What pyproject.toml can't say: `captures/` and `lessons/` stand at the top of the project and ship in the package."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["smtplab*"]), "smtplab.captures", "smtplab.lessons"],
    package_dir={"smtplab.captures": "captures", "smtplab.lessons": "lessons"},
)
