"""The browser demo: `ui` lays out and wires, `handlers` answers its buttons, `gpu` holds the model."""
