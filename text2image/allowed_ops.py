"""An allow-list of the ops that a SavedModel may hold.

Checked when an export is written, and before an export or an encoder is loaded,
which would already run its restore function.
"""

import itertools
import pathlib
from collections.abc import Iterator

import google.protobuf.message
import tensorflow as tf
from tensorflow.core.framework import node_def_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Of tensorflow-text, what BERT's tokeniser needs, or needed in exports of
# earlier versions: stock TF Serving links these (its build file's
# SUPPORTED_TENSORFLOW_OPS).
TEXT_OPS = _names(
    """
    FastWordpieceTokenizeWithOffsets FloorDiv InvertPermutation NormalizeUTF8
    OneHot RegexSplitWithOffsets TensorListConcatV2
    """
)

# An allow-list, so that an op nobody thought of is refused too. All of these
# compute values from values.
CORE_OPS = _names(
    """
    Abs Add AddV2 All Any ArgMax Assert AvgPool BatchMatMulV2 BiasAdd BitwiseAnd
    BroadcastTo Cast Ceil ConcatV2 Const Conv2D Cumsum DecodeImage
    DepthwiseConv2dNative Einsum EnsureShape Equal Erf Erfc Exp ExpandDims Fill
    Floor FusedBatchNormV3 GatherNd GatherV2 Greater GreaterEqual Identity If
    Less LessEqual Log LogicalAnd LogicalNot LogicalOr LowerBound MatMul Max
    MaxPool Maximum Mean Minimum Mul Neg NoOp NotEqual OnesLike Pack Pad PadV2
    PartitionedCall Placeholder Pow Prod RaggedGather RaggedRange
    RaggedTensorToTensor Range ReadVariableOp RealDiv Relu Relu6 Reshape
    ResizeNearestNeighbor ReverseV2 RightShift Rsqrt ScaleAndTranslate Select
    SelectV2 Shape Size Slice Softmax Split SplitV Sqrt Square SquaredDifference
    Squeeze StatefulPartitionedCall StatelessIf StatelessWhile
    StaticRegexFullMatch StaticRegexReplace StopGradient StridedSlice
    StringLength StringLower Sub Sum Tanh TensorListFromTensor TensorListGetItem
    TensorListReserve TensorListSetItem TensorListStack TensorScatterUpdate Tile
    TopKV2 Transpose UnicodeDecode UnicodeEncode UnicodeTranscode Unique Unpack
    UnsortedSegmentMax UnsortedSegmentSum VarHandleOp Where While ZerosLike
    """
)

# For TF-IDF, of TensorFlow itself.
TERM_OPS = _names(
    """
    DenseBincount LogSoftmax ResourceGather StringNGrams StringSplitV2
    StringToHashBucketFast
    """
)

# Gradients of the ops above, for explanations.
GRADIENT_OPS = _names(
    """
    AddN AvgPoolGrad BiasAddGrad BroadcastGradientArgs ConcatOffset
    Conv2DBackpropFilter Conv2DBackpropInput DepthwiseConv2dNativeBackpropFilter
    DepthwiseConv2dNativeBackpropInput DynamicStitch FloorMod MaxPoolGrad
    Reciprocal ReluGrad RsqrtGrad ShapeN SqrtGrad StridedSliceGrad TanhGrad
    """
)

# What encoders of sentences compute with besides: regular expressions, tables
# of words, sparse lookups of embeddings, control flow of TensorFlow 1.
ENCODER_OPS = _names(
    """
    AsString BatchMatMul BatchMatMulV3 BroadcastArgs Bucketize Cos
    DynamicPartition Elu Enter Exit FloorMod Gather HashTableV2 Inv
    LeakyRelu LinSpace LookupTableExportV2 LookupTableFindV2
    LookupTableImportV2 LookupTableSizeV2 LoopCond MatrixBandPart Merge
    NextIteration ParallelDynamicStitch PlaceholderWithDefault
    RaggedTensorToSparse Rank RegexFullMatch RegexReplace ReverseSequence
    Round ScatterNd SegmentMax SegmentMean SegmentSum Selu Sigmoid Sign Sin
    Softplus Softsign SparseConcat SparseFillEmptyRows SparseReorder
    SparseReshape SparseSegmentMean SparseSegmentMeanWithNumSegments
    SparseSegmentSqrtN SparseSegmentSqrtNWithNumSegments SparseSegmentSum
    SparseSegmentSumWithNumSegments SparseSlice SparseTensorDenseMatMul
    SparseToDense StringJoin StringSplit StringStrip StringToHashBucket
    StringToHashBucketStrong StringToNumber StringUpper Substr Switch
    TensorListConcat UniqueV2 UnsortedSegmentMin UnsortedSegmentProd
    """
)
# Only what starts an encoder, not an export of it.
STARTING_OPS = _names("AssignVariableOp VarIsInitializedOp")
# With these an encoder can be loaded, but not be part of an export: they read a
# table of words from a file, or are not in every TF Serving.
LOADED_OPS = STARTING_OPS | _names(
    """
    InitializeTableFromTextFile InitializeTableFromTextFileV2
    SentencepieceOp SentencepieceTokenizeOp SentencepieceTokenizeWithOffsetsOp
    WordpieceTokenizeWithOffsets
    """
)

# These read and write files at a path from the graph. Every SavedModel needs
# them to restore its own variables: allowed in its save and restore functions
# only, where the loader gives the path.
_SAVER_OPS = _names(
    """
    AssignVariableOp DisableCopyOnRead MergeV2Checkpoints RestoreV2 SaveV2
    ShardedFilename StringJoin
    """
)


def needs_text_ops(function: tf.types.experimental.ConcreteFunction) -> bool:
    """Whether a function can only be loaded with tensorflow-text."""
    graph = function.graph.as_graph_def()
    bodies = [graph.node, *(body.node_def for body in graph.library.function)]
    return any(node.op in TEXT_OPS for nodes in bodies for node in nodes)


def check_ops(
    export: pathlib.Path, further: frozenset[str] = frozenset()
) -> None:
    """Refuses a SavedModel that does more than compute.

    Args:
        export: Directory with `saved_model.pb`.
        further: Ops that are allowed in addition.

    Raises:
        ValueError: If `saved_model.pb` is damaged.
        RuntimeError: If it holds an op that is not on the list, such as one
            that reads files or calls Python.
    """
    strays = sorted(set(stray_ops(export, further)))
    if strays:
        raise RuntimeError(
            f"The graph must hold known ops only. Received also: {strays} "
            "(function: op). If an op only computes values from values and "
            "stock TF Serving has it, add it to "
            "text2image/allowed_ops.py."
        )


def stray_ops(
    export: pathlib.Path, further: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Finds the ops of a graph that are not allowed, without loading it.

    Args:
        export: Directory with `saved_model.pb`.
        further: Ops that are allowed in addition.

    Yields:
        `function: op`.
    """
    message = saved_model_pb2.SavedModel()
    try:
        message.ParseFromString((export / "saved_model.pb").read_bytes())
    except google.protobuf.message.DecodeError as error:
        raise ValueError(f"saved_model.pb cannot be read: {error}") from error
    allowed = CORE_OPS | TERM_OPS | TEXT_OPS | GRADIENT_OPS | ENCODER_OPS
    allowed |= further
    for meta_graph in message.meta_graphs:
        savers = _saver_functions(meta_graph)
        graph = meta_graph.graph_def
        bodies = [("main graph", graph.node)] + [
            (function.signature.name, function.node_def)
            for function in graph.library.function
        ]
        for name, nodes in bodies:
            known = allowed | _SAVER_OPS if name in savers else allowed
            yield from (
                f"{name}: {node.op}" for node in nodes if node.op not in known
            )


def _saver_functions(meta_graph: meta_graph_pb2.MetaGraphDef) -> set[str]:
    """Names of the functions that only the loader can call.

    No function, if anything reads the result of the save or restore call; and
    none that another node, or a caller of the loaded object, can reach too.
    """
    saver = meta_graph.saver_def
    entries = {
        name.split(":")[0]
        for name in (saver.save_tensor_name, saver.restore_op_name)
    }
    main = meta_graph.graph_def.node
    read_nodes = {_node(name) for node in main for name in node.input}
    read_nodes |= {
        _node(tensor.name)
        for signature in meta_graph.signature_def.values()
        for tensor in signature.outputs.values()
    }
    if entries & read_nodes:
        return set()
    library = meta_graph.graph_def.library.function
    others = [node for function in library for node in function.node_def]
    others += [node for node in main if node.name not in entries]
    reachable = set(meta_graph.object_graph_def.concrete_functions)
    reachable |= set(itertools.chain.from_iterable(map(_called, others)))
    calls = [node for node in main if node.name in entries]
    return set(itertools.chain.from_iterable(map(_called, calls))) - reachable


def _node(tensor: str) -> str:
    """`^name` or `name:0` to the node's name."""
    return tensor.lstrip("^").split(":")[0]


def _called(node: node_def_pb2.NodeDef) -> Iterator[str]:
    """Names of the functions that a node may call."""
    yield node.op
    for value in node.attr.values():
        yield value.func.name
        yield from (function.name for function in value.list.func)
