"""What pyproject.toml can't say: `captures/` stands at the top of the project and ships inside the package."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["smtplab*"]), "smtplab.captures"],
    package_dir={"smtplab.captures": "captures"},
)
