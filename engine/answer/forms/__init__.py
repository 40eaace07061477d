"""An answer in other forms than JSON."""
