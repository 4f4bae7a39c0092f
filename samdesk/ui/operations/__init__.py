"""Operations on the regions of the selected annotations: commands, and the bar that adjusts them live."""
