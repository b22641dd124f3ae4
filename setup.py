"""The package list, computed: a folder missing from a hand-written list vanishes from the wheel without a warning."""

from setuptools import find_packages, setup

FOLDERS = ("spec", "refimpl", "conformance")

subpackages = find_packages(include=[pattern for folder in FOLDERS for pattern in (folder, f"{folder}.*")])
setup(
    packages=["fiducial", *(f"fiducial.{name}" for name in subpackages)],
    package_dir={"fiducial": "root", **{f"fiducial.{folder}": folder for folder in FOLDERS}},
)
