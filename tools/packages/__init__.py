"""Packages of this project: wheel and sdist (dist.py), one file for labs (pyz.py), what they bring (licences.py, sbom.py)."""
