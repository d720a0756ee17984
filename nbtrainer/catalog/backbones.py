"""The backbones of networks that have one: EPySeg's, by the names that they have there."""

from nbtrainer.catalog.entry import Catalog
from nbtrainer.catalog.network_entry import Backbone

_VGG = "Simonyan and Zisserman 2014, https://arxiv.org/abs/1409.1556"
_RESNET = "He et al. 2015, https://arxiv.org/abs/1512.03385"
_SE = "Hu et al. 2017, https://arxiv.org/abs/1709.01507"
_RESNEXT = "Xie et al. 2016, https://arxiv.org/abs/1611.05431"
_DENSENET = "Huang et al. 2016, https://arxiv.org/abs/1608.06993"
_EFFICIENTNET = "Tan and Le 2019, https://arxiv.org/abs/1905.11946"

# in the place of a path: weights that were learned from its photographs, downloaded
IMAGENET = "imagenet"

BACKBONES = Catalog(
    "backbone",
    Backbone("vgg16", "VGG16", at="vgg16", source=_VGG, dilates=False),
    Backbone("vgg19", "VGG19", at="vgg19", source=_VGG, dilates=False),
    Backbone("resnet18", "ResNet-18", at="resnet18", source=_RESNET, monai="resnet18"),
    Backbone("resnet34", "ResNet-34", at="resnet34", source=_RESNET, monai="resnet34"),
    Backbone("resnet50", "ResNet-50", at="resnet50", source=_RESNET, monai="resnet50"),
    Backbone("resnet101", "ResNet-101", at="resnet101", source=_RESNET, monai="resnet101"),
    Backbone("resnet152", "ResNet-152", at="resnet152", source=_RESNET, monai="resnet152"),
    Backbone("seresnet18", "SE-ResNet-18", at="tu-seresnet18", source=_SE),
    Backbone("seresnet34", "SE-ResNet-34", at="tu-seresnet34", source=_SE),
    Backbone("seresnet50", "SE-ResNet-50", at="se_resnet50", source=_SE),
    Backbone("seresnet101", "SE-ResNet-101", at="se_resnet101", source=_SE),
    Backbone("seresnet152", "SE-ResNet-152", at="se_resnet152", source=_SE),
    Backbone("resnext50", "ResNeXt-50", at="resnext50_32x4d", source=_RESNEXT),
    Backbone("resnext101", "ResNeXt-101", at="tu-resnext101_32x4d", source=_RESNEXT),
    Backbone("seresnext50", "SE-ResNeXt-50", at="se_resnext50_32x4d", source=_SE),
    Backbone("seresnext101", "SE-ResNeXt-101", at="se_resnext101_32x4d", source=_SE),
    Backbone("senet154", "SENet-154", at="senet154", source=_SE),
    Backbone("densenet121", "DenseNet-121", at="densenet121", source=_DENSENET, dilates=False),
    Backbone("densenet169", "DenseNet-169", at="densenet169", source=_DENSENET, dilates=False),
    Backbone("densenet201", "DenseNet-201", at="densenet201", source=_DENSENET, dilates=False),
    Backbone(
        "inceptionv3",
        "Inception v3",
        at="tu-inception_v3",
        source="Szegedy et al. 2015, https://arxiv.org/abs/1512.00567",
        dilates=False,
    ),
    Backbone(
        "inceptionresnetv2",
        "Inception-ResNet v2",
        at="inceptionresnetv2",
        source="Szegedy et al. 2016, https://arxiv.org/abs/1602.07261",
        dilates=False,
    ),
    Backbone(
        "mobilenet", "MobileNet", at="tu-mobilenetv1_100", source="Howard et al. 2017, https://arxiv.org/abs/1704.04861"
    ),
    Backbone(
        "mobilenetv2", "MobileNet v2", at="mobilenet_v2", source="Sandler et al. 2018, https://arxiv.org/abs/1801.04381"
    ),
    Backbone("efficientnetb0", "EfficientNet-B0", at="efficientnet-b0", source=_EFFICIENTNET, monai="efficientnet-b0"),
    Backbone("efficientnetb1", "EfficientNet-B1", at="efficientnet-b1", source=_EFFICIENTNET, monai="efficientnet-b1"),
    Backbone("efficientnetb2", "EfficientNet-B2", at="efficientnet-b2", source=_EFFICIENTNET, monai="efficientnet-b2"),
    Backbone("efficientnetb3", "EfficientNet-B3", at="efficientnet-b3", source=_EFFICIENTNET, monai="efficientnet-b3"),
    Backbone("efficientnetb4", "EfficientNet-B4", at="efficientnet-b4", source=_EFFICIENTNET, monai="efficientnet-b4"),
    Backbone("efficientnetb5", "EfficientNet-B5", at="efficientnet-b5", source=_EFFICIENTNET, monai="efficientnet-b5"),
    Backbone("efficientnetb6", "EfficientNet-B6", at="efficientnet-b6", source=_EFFICIENTNET, monai="efficientnet-b6"),
    Backbone("efficientnetb7", "EfficientNet-B7", at="efficientnet-b7", source=_EFFICIENTNET, monai="efficientnet-b7"),
    Backbone("efficientnetlite0", "EfficientNet-Lite0", at="tu-tf_efficientnet_lite0", source=_EFFICIENTNET),
)
