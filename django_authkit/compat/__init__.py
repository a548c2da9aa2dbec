"""What other packages' clients and projects know, over our auth sessions."""
