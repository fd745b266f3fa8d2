"""Where calls are kept between hops."""
