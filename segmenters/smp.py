"""The segmenters, all from segmentation-models-pytorch: U-Net, which is the paper's of Table 2, and three others.

They share the encoder, whose sizes the preset gives, the augmentation and the loss, Dice + cross-entropy; each class
adds its decoder. The paper states no encoder, no loss and no augmentation, so all three are choices. An encoder starts
from random weights, or with `pretrained` from ImageNet's.
"""

from __future__ import annotations

import os
import random
from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import Field, PositiveInt, ValidationInfo, field_validator, model_validator

from pigbench.contracts import Batch, Pairs, Segmenter, TrainedConfig, lesion_probabilities

if TYPE_CHECKING:
    import torch

LITE0 = "tu-tf_efficientnet_lite0"
PLAIN = "plain"


class EncoderConfig(TrainedConfig):
    """What every network here starts with; the defaults are smp's own."""

    pretrained: bool = Field(
        False, description="encoder weights from ImageNet: EfficientNet-Lite0, which installs with PIGBench"
    )
    encoder: str = Field(
        "resnet34",
        validate_default=True,
        description=f"an smp encoder; 'tu-NAME' takes any of timm's; always {LITE0} if pretrained; unet's may be plain",
    )
    encoder_depth: int = Field(5, ge=1, le=5, description="how often the encoder halves its input")
    upsample: PositiveInt = Field(1, description="enlarge images before the network, so that small ones keep detail")
    flips: Literal["both", "horizontal", "vertical", "none"] = Field(
        "both", description="how training images are mirrored; by default as the dataset says"
    )

    @field_validator("encoder")
    @classmethod
    def _the_pretrained_one(cls, given: str, info: ValidationInfo) -> str:
        return LITE0 if info.data.get("pretrained") else given


class DecoderConfig(EncoderConfig):
    """A decoder that climbs back level by level."""

    decoder_channels: tuple[PositiveInt, ...] = Field((256, 128, 64, 32, 16), description="one width a level")

    @model_validator(mode="after")
    def _one_width_a_level(self) -> Self:
        if len(self.decoder_channels) != self.encoder_depth:
            raise ValueError(
                f"decoder_channels has {len(self.decoder_channels)} widths, encoder_depth is {self.encoder_depth}: "
                "give one width a level"
            )
        return self


class UNetConfig(DecoderConfig):
    """As the others', or with `encoder=plain` the network of `segmenters/plain_unet.py`."""

    widths: tuple[PositiveInt, ...] = Field(
        (16, 32, 64, 96), min_length=2, description="of the levels of encoder=plain, the first at the image's own size"
    )


class UNetPlusPlusConfig(DecoderConfig):
    """As the U-Net's."""

    encoder_depth: int = Field(5, ge=2, le=5, description="how often the encoder halves its input")


class OneWidthConfig(EncoderConfig):
    """A decoder of one width at a quarter of the input's size.

    The width is the published one at every preset. At 32² it makes a step 1.6 (DeepLabV3+) and 1.8 (SegFormer) times as
    long as the U-Net's; 64 takes a third of that.
    """

    encoder_depth: int = Field(5, ge=1, le=5, description="how often the encoder halves its input; 1 and 2 become 3")
    decoder_width: PositiveInt = Field(256, description="channels throughout the decoder")

    @field_validator("encoder_depth")
    @classmethod
    def _deep_enough(cls, given: int) -> int:
        return max(given, 3)  # the decoder needs maps below a quarter; the preset 'smoke' stops there


class SMPSegmenter(Segmenter):
    """A network of smp that says for every pixel of which class it is."""

    channels = (1, 3)
    most_classes = None

    @property
    def pretrained_on(self) -> str:
        """The data of the encoder's first weights."""
        return "ImageNet" if self.config.pretrained else ""

    @abstractmethod
    def assemble(self, **encoder: Any) -> torch.nn.Module:
        """smp's network on the encoder that these arguments describe."""

    def build(self) -> torch.nn.Module:
        """The untrained network: (N, C, H, W) in [-1, 1], H and W enlarged by `upsample`, to logits: one a pixel where
        there is one class, else K + 1.

        Raises ValueError for a size that the encoder cannot halve.
        """
        import torch

        depth = self.config.encoder_depth
        self._check_halvings(depth)
        network = self.assemble(
            encoder_name=self.config.encoder,
            encoder_depth=depth,
            encoder_weights=None,
            in_channels=self.task.channels,
            classes=self._outputs,
        )
        if self.config.pretrained:
            fill_with_imagenet(network.encoder, self.task.channels)
        return network.to(memory_format=torch.channels_last)  # a fifth faster on a CPU

    def _check_halvings(self, depth: int) -> None:
        if self._side % 2**depth:
            raise ValueError(
                f"{type(self).__name__.lower()}: {self._side} pixels cannot be halved {depth} times: "
                "take fewer levels (encoder_depth; widths of a plain one) or raise upsample"
            )

    def augment(self, pairs: Pairs, seed: int) -> Pairs:
        """`pairs` flipped, moved, re-exposed and made noisy, each in its own way; a pure function of (pairs, seed)."""
        assert pairs.masks is not None
        # One stream for all: with a seed each, transforms draw the same numbers, and both flips always come together.
        self._transform.set_random_state(np.random.default_rng(seed), random.Random(seed))
        unit = (pairs.images + 1) / 2  # albumentations' range for floats is [0, 1]
        moved = [self._moved(image, mask[0]) for image, mask in zip(unit, pairs.masks, strict=True)]
        images, masks = np.stack([image for image, _ in moved]), np.stack([mask for _, mask in moved])[:, None]
        return Pairs(np.clip(images * 2 - 1, -1, 1).astype(np.float32), masks)

    def _moved(self, image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One image (C, H, W) and its mask (H, W); albumentations has channels last, and none for grey."""
        grey = len(image) == 1
        case = self._transform(image=image[0] if grey else image.transpose(1, 2, 0), mask=mask)
        return case["image"][None] if grey else case["image"].transpose(2, 0, 1), case["mask"]

    def loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Soft Dice over the whole batch, a mean over classes, plus cross-entropy, both from the logits."""
        from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

        logits = self._logits(network, batch.images)
        if self.task.planes == 1:
            return self._dice(logits, batch.masks) + binary_cross_entropy_with_logits(logits, batch.masks)
        labels = batch.masks[:, 0].long()
        return self._dice(logits, labels) + cross_entropy(logits, labels)

    def predict(self, network: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
        """Probabilities (N, K + 1, H, W) of background and classes."""
        logits = self._logits(network, images)
        return lesion_probabilities(logits) if self.task.planes == 1 else logits.float().softmax(dim=1)

    def _logits(self, network: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
        """(N, 1 or K + 1, H, W), whatever size the network works at."""
        from torch.nn.functional import avg_pool2d, interpolate

        factor = self.upsample
        if factor == 1:
            return network(images)
        return avg_pool2d(network(interpolate(images, scale_factor=factor, mode="bilinear")), factor)

    @property
    def _side(self) -> int:
        """The height and width that the network works at."""
        return self.resolution * self.upsample

    @property
    def upsample(self) -> int:
        """How many times the height and width of images the network works at."""
        return self.config.upsample

    @cached_property
    def _dice(self) -> Any:
        from segmentation_models_pytorch.losses import DiceLoss

        if self.task.planes == 1:
            return DiceLoss("binary", from_logits=True)
        return DiceLoss("multiclass", classes=list(range(1, self._outputs)), from_logits=True)

    @property
    def _outputs(self) -> int:
        """Logits a pixel: one where there is one class, else one for each and for the background."""
        return 1 if self.task.planes == 1 else self.task.planes + 1

    @cached_property
    def _transform(self) -> Any:
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # or its import asks the network for a newer version
        from albumentations import Affine, Compose, GaussNoise, HorizontalFlip, RandomBrightnessContrast, VerticalFlip

        flips = self.config.flips
        return Compose(
            [
                *([HorizontalFlip(p=0.5)] if flips in ("both", "horizontal") else []),
                *([VerticalFlip(p=0.5)] if flips in ("both", "vertical") else []),
                Affine(scale=(0.9, 1.1), translate_percent=(-0.06, 0.06), rotate=(-10, 10), p=0.7),
                RandomBrightnessContrast(brightness_limit=0.1, contrast_limit=0.1, p=0.5),
                GaussNoise(std_range=(0.01, 0.03), p=0.3),
            ]
        )


class UNet(SMPSegmenter):
    """U-Net (Ronneberger et al., MICCAI 2015): each level joins the encoder's map of its size."""

    Config = UNetConfig

    def build(self) -> torch.nn.Module:
        """As the others', or the plain one."""
        if self.config.encoder != PLAIN:
            return super().build()
        import torch

        from segmenters.plain_unet import PlainUNet

        self._check_halvings(len(self.config.widths) - 1)
        return PlainUNet(self.config.widths, self.task.channels, self._outputs).to(memory_format=torch.channels_last)

    @property
    def upsample(self) -> int:
        """A plain one has no need to enlarge images."""
        return 1 if self.config.encoder == PLAIN else super().upsample

    def assemble(self, **encoder: Any) -> torch.nn.Module:
        """smp's Unet."""
        from segmentation_models_pytorch import Unet

        return Unet(decoder_channels=self.config.decoder_channels, **encoder)


class UNetPlusPlus(SMPSegmenter):
    """U-Net++ (Zhou et al., DLMIA 2018), without deep supervision: every join goes through maps of the levels below.

    Between two levels there is nothing to nest: at the depth of 2 that `smoke` has, this is a U-Net.
    """

    Config = UNetPlusPlusConfig

    def assemble(self, **encoder: Any) -> torch.nn.Module:
        """smp's UnetPlusPlus."""
        from segmentation_models_pytorch import UnetPlusPlus

        return UnetPlusPlus(decoder_channels=self.config.decoder_channels, **encoder)


class DeepLabV3Plus(SMPSegmenter):
    """DeepLabV3+ (Chen et al., ECCV 2018): convolutions of several dilations on a map of stride 16, or less if shallow.

    The published dilations 6, 12 and 18 are for the 32 x 32 map of a 512 x 512 image. Here they grow and shrink with
    the map, because a dilation larger than the map leaves a convolution only its middle.
    """

    Config = OneWidthConfig
    stride = 16
    dilations = (6, 12, 18)

    def assemble(self, **encoder: Any) -> torch.nn.Module:
        """smp's DeepLabV3Plus."""
        from segmentation_models_pytorch import DeepLabV3Plus

        side = self._side // min(self.stride, 2**self.config.encoder_depth)
        return DeepLabV3Plus(
            encoder_output_stride=self.stride,
            decoder_channels=self.config.decoder_width,
            decoder_atrous_rates=[max(1, round(dilation * side / 32)) for dilation in self.dilations],
            **encoder,
        )


class SegFormer(SMPSegmenter):
    """SegFormer (Xie et al., NeurIPS 2021): one linear layer a map, all brought to one size and mixed pixel by pixel.

    With the preset's encoder this is SegFormer's decoder alone, on the same footing as the others; `encoder=mit_b0` (to
    `mit_b5`) with `encoder_depth=5` makes it the paper's network.
    """

    Config = OneWidthConfig

    def assemble(self, **encoder: Any) -> torch.nn.Module:
        """smp's Segformer."""
        from segmentation_models_pytorch import Segformer

        return Segformer(decoder_segmentation_channels=self.config.decoder_width, **encoder)


def fill_with_imagenet(encoder: torch.nn.Module, channels: int) -> None:
    """ImageNet's weights for smp's EfficientNet-Lite0 of 1 or 3 input channels, in place.

    For grey its first convolution is summed over red, green and blue, so it does to grey what the original does to that
    grey in all three. Its range of intensities, [-1, 1], is ours.
    """
    from pigbench.imagenet import efficientnet_lite0

    published = efficientnet_lite0().state_dict()
    if channels == 1:
        published["conv_stem.weight"] = published["conv_stem.weight"].sum(dim=1, keepdim=True)
    encoder.model.load_state_dict({name: published[name] for name in encoder.model.state_dict()})
