"""For authors of formats: ``check_format`` tries a format as samdesk uses it."""
