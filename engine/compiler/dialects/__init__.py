"""What differs from engine to engine, said once for each."""
