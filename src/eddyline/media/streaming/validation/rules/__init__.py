"""The rules: tables of requirements with the checks that find their violations."""
