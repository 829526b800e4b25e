import numpy as np

from backissue.indexer.centroids import centroids, nearest_centroids


def gathered(groups, each, dimension=16, spread=0.02):
    """Unit vectors about directions that are orthogonal, and the group of each."""
    rng = np.random.default_rng(3)
    of = np.repeat(np.arange(groups), each)
    vectors = np.eye(dimension)[of] + rng.normal(scale=spread, size=(len(of), dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), of


def test_centres_are_the_means_of_what_is_nearest_to_them():
    vectors, _ = gathered(groups=5, each=40)
    before, after = centroids(vectors, 5, rounds=9), centroids(vectors, 5, rounds=10)
    nearest = np.array([max(range(5), key=lambda c: float(vector @ before[c])) for vector in vectors])
    assert nearest_centroids(vectors, before).tolist() == nearest.tolist()
    for centre in set(nearest.tolist()):
        mean = vectors[nearest == centre].sum(axis=0)
        np.testing.assert_allclose(after[centre], mean / np.linalg.norm(mean), atol=1e-6)


def test_every_group_gets_its_list():
    vectors, of = gathered(groups=6, each=50)
    lists = nearest_centroids(vectors, centroids(vectors, 24, rounds=8))
    assert all(len(set(of[lists == one].tolist())) <= 1 for one in range(24))


def test_a_centre_for_each_vector_is_the_vector():
    vectors, _ = gathered(groups=4, each=3)
    assert sorted(nearest_centroids(vectors, centroids(vectors, 12, rounds=3)).tolist()) == list(range(12))


def test_vectors_of_zeros_leave_numbers():
    vectors = np.zeros((8, 4), dtype=np.float32)
    assert np.isfinite(centroids(vectors, 3, rounds=2)).all()
    assert nearest_centroids(vectors[:0], vectors[:3]).shape == (0,)
