"""Im2Vec: class vectors from a classifier's own weights.

Lee, Jung and Bansal, *Im2Vec: A Language Model Approach to Understanding Image
Classification*, with its code (irenelee5645/image_vector, December 2020).

Letters: N images, P = H * W * C pixels, m hidden units, K classes (the paper's
n); `e_k` is the k-th unit vector of length K.

The model (appendix A.1) has no activation between its two layers:

    h = W1 x + b1        x (P,), W1 (m, P), h (m,)
    z = W2 h + b2        W2 (K, m), logits z (K,)

Word2Vec reads a word's vector by multiplying a one-hot input with its first
matrix. Here the one-hot vector is the output, so the paper goes back through
the last layer: the vector of class k is the hidden vector v_k that W2 sends to
e_k,

    W2 v_k = e_k,  v_k = W2^-1 e_k,

so that V = (W2^-1)^T (K, m) has v_k in row k: K rows because it is transposed,
and a square W2 (m = K) because it is inverted. Biases are left out, as in the
published code. If m is not K, or W2 is nearly singular, `class_vectors` offers
the pseudo-inverse (least squares, the shortest vector if many fit) and a ridge.

What follows from that, and what `trainers.experiments.similarity_tests`
measures:

1. Cross-entropy does not see s = W2^T 1 (1 = a column of ones), the sum of
   W2's rows: only the random start and weight decay determine it. Let C be W2
   without the mean of its rows, C^+ its pseudo-inverse and q the unit vector
   with C q = 0. Then

       v_k = C^+ e_k + q (1 - s^T C^+ e_k) / (s^T q).

   The first part is what the network has learnt. In the second, 1 / (s^T q) is
   the same in every class vector: it grows as s decays and W2 becomes singular,
   cancels in distances and in a centred PCA, and dominates the uncentred SVD
   that the published code draws. The rest depends on the direction of s alone:
   chance, which stays in every distance. `--inverse=centred` is C^+ alone.
2. The inverse stretches what W2 shrinks: classes k and l whose rows in W2 are
   similar get vectors that are far apart along e_k - e_l. With balanced layers
   (W2^T W2 = W1 W1^T, where weight decay drives a linear network; Arora et al.
   2018, arXiv 1802.06509) V V^T = (M M^T)^(-1/2) for the whole map M = W2 W1.
   The paper hopes for the opposite: close vectors for similar classes.
3. The loss sees W2 W1 only, so the first steps decide in which basis of the
   hidden space V is expressed. A rotation changes no distance; any other basis
   does, and only weight decay removes it again.
"""
