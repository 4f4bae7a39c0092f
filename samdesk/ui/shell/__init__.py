"""The main window: menus, bars, welcome page and general dialogs."""
