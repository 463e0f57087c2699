"""What instruments are built from: loading, preprocessing, decoding of outputs, endpoints."""
