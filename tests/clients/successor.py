"""The program that heirs.py becomes."""

import heirs

heirs.heir()
