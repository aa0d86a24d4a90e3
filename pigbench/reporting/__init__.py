"""What a person looks at: tables, figures and live progress."""
