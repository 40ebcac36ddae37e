"""How long from here to there: by road, by air, by both."""
