"""How good the forecasts are; README.md has the figures."""
