"""Installs the packages; every dependency is stated here, tools' settings in
pyproject.toml."""

import pathlib

import setuptools

# TensorFlow and tensorflow-text must be of one minor version: text's ops are
# compiled against it. Keras has a floor for security.
REQUIREMENTS = [
    "tensorflow==2.21.*",
    "tensorflow-text==2.21.*",
    "keras>=3.15.1,<4",
    "keras-hub>=0.32,<0.33",
    "tensorflow-datasets>=4.9.10,<5",
    "importlib_resources",  # tensorflow-datasets imports it undeclared
    "huggingface_hub>=1.0",  # --encoder=hf://; keras-hub needs it, too
    "pyarrow>=16",  # Parquet and Arrow files; tensorflow-datasets needs it, too
    "charset-normalizer>=3",  # names the encoding of a file in an error
    "tensorboard>=2.19",  # tf.summary imports it
    "safetensors>=0.5",
    "scikit-learn>=1.6",
    "scipy>=1.14",
    "threadpoolctl>=3.1",  # comes with scikit-learn
    "numba>=0.61",
    "numpy>=2.0",
    "h5py>=3.11",
    "absl-py>=2.1",
    "tqdm>=4.66",
    "matplotlib>=3.9",
]

EXTRAS = {
    # --runner=beam: records made by several processes or machines.
    "beam": ["apache-beam>=2.77,<3"],
    # Completion of commands and flags by bash, zsh and fish.
    "completion": ["argcomplete>=3.5"],
    # The encoder's second engine: bfloat16 on the units of a CPU.
    "fast-cpu": ["openvino>=2026.4,<2027"],
    # The same TensorFlow with NVIDIA's user-space libraries.
    "gpu": ["tensorflow[and-cuda]==2.21.*"],
    # --projection=umap.
    "umap": ["umap-learn>=0.5.9,<0.6"],
    "dev": [
        "mypy==2.4.1",
        "ruff==0.17.5",
        "pytest>=9",
        "pytest-xdist>=3.6",
        "hypothesis>=6.100",
        "tokenizers>=0.22",  # the ids that tests compare with
        "markdown-it-py>=3",  # renders reports in a test
        "nbclient>=0.10",  # runs examples/quickstart.ipynb
        "ipykernel>=6.29",
        "argcomplete>=3.5",
        "playwright>=1.50",  # drives the system's Chromium, brings none
        "openvino>=2026.4,<2027",  # 59 MB to load, 3 s to install
        "apache-beam>=2.77,<3",
        "distributed>=2025.1",  # Beam on a Dask cluster, in a slow test
    ],
}

setuptools.setup(
    name="text-as-image",
    version="0.1.0",
    description="Classify text with frozen vision models: BERT [CLS] stacks "
    "as DeepInsight images, TFRecords, Keras 3, TF Serving.",
    long_description=pathlib.Path(__file__)
    .with_name("README.md")
    .read_text("utf-8"),
    long_description_content_type="text/markdown",
    author="The text-as-image authors",
    url="https://arxiv.org/abs/2106.12479",  # the paper: no public home yet
    license="Apache-2.0",
    license_files=["LICENSE"],
    keywords=[
        "text classification",
        "DeepInsight",
        "BERT",
        "transfer learning",
        "TensorFlow",
        "Keras",
        "TFRecord",
        "TF Serving",
    ],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Science/Research",
        "Intended Audience :: Developers",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Text Processing :: Linguistic",
    ],
    # The demo was run on each of these from a wheel; the tests on 3.11.
    python_requires=">=3.11,<3.14",
    packages=setuptools.find_packages(
        include=["text2image*", "tfrecords*", "trainers*", "text_as_image*"]
    ),
    package_data={
        "text2image": ["data/**/*"],
        "trainers.pages": ["static/*"],
        "trainers.weights": ["data/**/*"],
    },
    entry_points={
        "console_scripts": ["text-as-image = trainers.__main__:main"]
    },
    install_requires=REQUIREMENTS,
    extras_require=EXTRAS,
)
