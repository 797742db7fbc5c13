"""smtplab: an interactive SMTP diagnostics and teaching toolkit."""

__version__ = "0.1.0"
