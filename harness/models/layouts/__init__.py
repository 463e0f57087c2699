"""How pictures made elsewhere lie on disk: one layout a file, ``choose`` picks one."""
