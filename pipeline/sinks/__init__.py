"""Writers, one file per format; equal content gives equal bytes."""
