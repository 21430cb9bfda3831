"""Where the import package `rollproof` has its chapters: folders beside `rollproof/` here, inside it once installed."""

from setuptools import find_packages, setup

CHAPTERS = ("reference", "model", "proofs", "conformance", "lessons")

setup(
    package_dir={"rollproof": "rollproof", **{f"rollproof.{chapter}": chapter for chapter in CHAPTERS}},
    packages=[
        "rollproof",
        "rollproof.example",
        *(f"rollproof.{chapter}" for chapter in CHAPTERS),
        *(f"rollproof.{chapter}.{package}" for chapter in CHAPTERS for package in find_packages(chapter)),
    ],
)
