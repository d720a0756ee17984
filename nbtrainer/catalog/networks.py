"""The networks on the menu."""

from nbtrainer.catalog.entry import Catalog
from nbtrainer.catalog.network_entry import LEVELS as _LEVELS
from nbtrainer.catalog.network_entry import Network
from nbtrainer.catalog.tasks import kinds_with

_LAYERS = ("dropout", "norm", "activation")


def _with_backbone(name: str, *, title: str, help: str, source: str, dilates: bool = False) -> Network:
    return Network(
        name,
        title,
        at=f"nbtrainer.models.with_backbone:{name}",
        help=help,
        source=source,
        parameters=("backbone",),
        dims=(2,),
        halvings=5,
        package="segmentation_models_pytorch",
        dilates=dilates,
    )


NETWORKS = Catalog(
    "network",
    Network(
        "unet",
        "Compact U-Net",
        at="nbtrainer.models.unet:unet",
        help="Residual U-Net that halves by strides; light enough for a processor without a graphics card.",
        source="Kerfoot et al. 2019, https://doi.org/10.1007/978-3-030-12029-0_40",
        parameters=(*_LEVELS, *_LAYERS, "residual_units"),
    ),
    Network(
        "style_unet",
        "U-Net with style (Cellpose, Omnipose)",
        at="nbtrainer.models.style_unet:style_unet",
        help="Seven times the work of the compact U-Net. What an image is like as a whole reaches each step, and tells "
        "the size of objects.",
        source="Stringer et al. 2021, https://doi.org/10.1038/s41592-020-01018-x; Cutler et al. 2022, "
        "https://doi.org/10.1038/s41592-022-01639-4",
        parameters=(*_LEVELS, "residual_on", "style_on", "concatenation", "padding_mode"),
        has_style=True,
    ),
    _with_backbone(
        "linknet",
        title="Linknet (EPySeg)",
        help="A backbone, and a light way up that adds what it has seen at each level; the first of EPySeg's menu.",
        source="Chaurasia and Culurciello 2017, https://arxiv.org/abs/1707.03718",
    ),
    _with_backbone(
        "smp_unet",
        title="U-Net with backbone (EPySeg)",
        help="A backbone, and a way up that joins what it has seen at each level.",
        source="Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597",
    ),
    _with_backbone(
        "fpn",
        title="FPN (EPySeg)",
        help="Feature pyramid: what each level of the backbone has seen is brought together at one scale; for objects of "
        "many sizes. Its output is at a quarter of the pixels, enlarged: thin lines become soft.",
        source="Kirillov et al. 2019, https://arxiv.org/abs/1901.02446",
    ),
    _with_backbone(
        "pspnet",
        title="PSPNet (EPySeg)",
        help="Sees far, and little detail: its output is at an eighth of the pixels, enlarged.",
        source="Zhao et al. 2017, https://arxiv.org/abs/1612.01105",
    ),
    _with_backbone(
        "unetplusplus",
        title="U-Net++ with backbone",
        help="U-Net with more connections between its levels; twice the work.",
        source="Zhou et al. 2018, https://arxiv.org/abs/1807.10165",
    ),
    _with_backbone(
        "manet",
        title="MA-Net with backbone",
        help="U-Net whose deepest level looks at the whole patch at once.",
        source="Fan et al. 2020, https://doi.org/10.1109/ACCESS.2020.3025372",
    ),
    _with_backbone(
        "upernet",
        title="UPerNet with backbone",
        help="Feature pyramid with a look at the whole patch; its output is at a quarter of the pixels, enlarged.",
        source="Xiao et al. 2018, https://arxiv.org/abs/1807.10221",
    ),
    _with_backbone(
        "segformer",
        title="SegFormer's decoder with backbone",
        help="All levels of the backbone brought together by one light layer, at a quarter of the pixels.",
        source="Xie et al. 2021, https://arxiv.org/abs/2105.15203",
    ),
    _with_backbone(
        "deeplabv3",
        title="DeepLabV3 with backbone",
        help="Dilated convolutions see far at an eighth of the pixels; heavy.",
        source="Chen et al. 2017, https://arxiv.org/abs/1706.05587",
        dilates=True,
    ),
    _with_backbone(
        "deeplabv3plus",
        title="DeepLabV3+ with backbone",
        help="DeepLabV3 with finer edges, at a quarter of the pixels.",
        source="Chen et al. 2018, https://arxiv.org/abs/1802.02611",
        dilates=True,
    ),
    Network(
        "pytc_unet",
        "Residual U-Net (PyTorch Connectomics)",
        at="nbtrainer.models.connectomics:pytc_unet",
        help="Halves by strides, adds its skips, and enlarges linearly; for electron microscopy with thick slices. Its own "
        "features are 28, 36, 48, 64, 80.",
        source="Lin et al. 2021, https://arxiv.org/abs/2112.05754; Lee et al. 2017, https://arxiv.org/abs/1706.00120",
        parameters=(*_LEVELS, "norm", "activation", "block"),
    ),
    Network(
        "pytc_fpn",
        "Feature pyramid (PyTorch Connectomics)",
        at="nbtrainer.models.connectomics:pytc_fpn",
        help="The way down of its residual U-Net; all levels are brought to one width and added at the finest.",
        source="Lin et al. 2017, https://arxiv.org/abs/1612.03144",
        parameters=(*_LEVELS, "norm", "activation", "block"),
    ),
    Network(
        "unet_plus",
        "U-Net++",
        at="nbtrainer.models.monai_networks:unet_plus",
        help="U-Net with more connections between its five levels; PyTorch Connectomics has one of this name.",
        source="Zhou et al. 2018, https://arxiv.org/abs/1807.10165",
        parameters=("features", *_LAYERS),
        halvings=4,
        levels=(2, 5),
    ),
    Network(
        "seg_resid",
        "Residual U-Net (EasyReg)",
        at="nbtrainer.models.seg_resid:seg_resid",
        help="For parts of organs in whole scans: residual ways down and up, joined skips. EasyReg's is for volumes.",
        source="Shen et al. 2019, https://arxiv.org/abs/1903.08356",
        parameters=("features",),
    ),
    Network(
        "segresnet",
        "SegResNet (CellSeg3D, MONAI)",
        at="nbtrainer.models.monai_networks:segresnet",
        help="Residual network that spends its work on the way down; features double at each level from the first.",
        source="Myronenko 2018, https://arxiv.org/abs/1810.11654",
        parameters=("features", "dropout", "norm"),
    ),
    Network(
        "vnet",
        "V-Net (CellSeg3D, MONAI)",
        at="nbtrainer.models.monai_networks:vnet",
        help="Residual network with large kernels and batch normalization; 45 million weights in 3D.",
        source="Milletari et al. 2016, https://arxiv.org/abs/1606.04797",
        parameters=("dropout",),
        halvings=4,
    ),
    Network(
        "trailmap",
        "3D U-Net (TRAILMAP, CellSeg3D)",
        at="nbtrainer.models.trailmap:trailmap",
        help="Plain U-Net with batch normalization after each ReLU. Its own features are 64, 128, 256, 512.",
        source="Friedmann et al. 2020, https://doi.org/10.1073/pnas.1918465117; Cicek et al. 2016, "
        "https://arxiv.org/abs/1606.06650",
        parameters=("features",),
    ),
    Network(
        "swin_unetr",
        "Swin UNETR (CellSeg3D, MONAI)",
        at="nbtrainer.models.monai_networks:swin_unetr",
        help="Transformer with windows: wants many images and a graphics card.",
        source="Hatamizadeh et al. 2022, https://arxiv.org/abs/2201.01266",
        parameters=("transformer_features", "dropout"),
        halvings=5,
        package="einops",
    ),
    Network(
        "unetr",
        "UNETR (MONAI)",
        at="nbtrainer.models.monai_networks:unetr",
        help="Transformer that sees the whole patch at once: wants many images and a graphics card.",
        source="Hatamizadeh et al. 2021, https://arxiv.org/abs/2103.10504",
        parameters=("transformer_features", "dropout"),
        halvings=4,
        package="einops",
    ),
    Network(
        "dynunet",
        "DynUNet (nnU-Net, MONAI)",
        at="nbtrainer.models.monai_networks:dynunet",
        help="The U-Net of nnU-Net: two convolutions a level, instance normalization, leaky ReLU.",
        source="Isensee et al. 2021, https://doi.org/10.1038/s41592-020-01008-z",
        parameters=(*_LEVELS, *_LAYERS, "block"),
        levels=(3, 8),
    ),
    Network(
        "mednext",
        "MedNeXt (MONAI)",
        at="nbtrainer.models.monai_networks:mednext",
        help="Separable convolutions with wide kernels; features double at each of five levels from the first.",
        source="Roy et al. 2023, https://arxiv.org/abs/2303.09975",
        parameters=("features",),
        halvings=4,
    ),
    Network(
        "attention_unet",
        "Attention U-Net (MONAI)",
        at="nbtrainer.models.monai_networks:attention_unet",
        help="U-Net whose skips are weighted by what the level below has seen.",
        source="Oktay et al. 2018, https://arxiv.org/abs/1804.03999",
        parameters=(*_LEVELS, "dropout"),
    ),
    Network(
        "flexible_unet",
        "Flexible U-Net (MONAI)",
        at="nbtrainer.models.monai_networks:flexible_unet",
        help="U-Net with an EfficientNet or a ResNet as its way down, also for volumes.",
        source="Tan and Le 2019, https://arxiv.org/abs/1905.11946",
        parameters=("backbone", "dropout"),
        halvings=5,
    ),
    Network(
        "wnet",
        "WNet",
        at="nbtrainer.models.wnet:wnet",
        help="Two U-Nets in a row, for learning without labels; CellSeg3D's features are 64, 128, 256, 512 and 1024.",
        source="Xia and Kulis 2017, https://arxiv.org/abs/1711.08506",
        kinds=kinds_with("reconstruction"),
        reconstructs_input=True,
    ),
)


def networks_with(parameter: str) -> tuple[str, ...]:
    """The names of the networks that are built with this setting of `config.model`."""
    return tuple(name for name, entry in NETWORKS.items() if parameter in entry.parameters)
