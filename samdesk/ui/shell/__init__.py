"""The main window: menus, toolbars, status bar, welcome page and general dialogs."""
