"""What connects other packages with this one; each module is imported only if its package is used."""
