"""Eight reviews written for `minilm.npz`; both sides import them."""

TEXTS = (
    "A quiet, patient film; I left the cinema lighter than I came.",
    "I wanted to like it. The jokes are old, the cast is tired, and by the "
    "second hour so was I.<br /><br />Avoid!",
    "Amélie's café scenes are naïve, but the façade works: 9/10.",
    "It\x85 just\x96 stops. No ending,\xa0no point, no budget???",
    "WORST. SEQUEL. EVER. (And I've seen all 13 of them...)",
    "ok",
    "The dialogue isn't great, the music couldn't be better, and somehow "
    "that's enough for a rainy Sunday with popcorn & friends.",
    "Scene after scene of people walking through fog, saying little. " * 60,
)
