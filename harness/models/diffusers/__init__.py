"""Any text-to-image pipeline of diffusers: loading, its own arguments, and whether it repeats itself."""
