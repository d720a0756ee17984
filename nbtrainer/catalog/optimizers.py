"""The optimizers on the menu."""

from nbtrainer.catalog.entry import Catalog, Entry

OPTIMIZERS = Catalog(
    "optimizer",
    Entry(
        "adam",
        "Adam",
        at="torch.optim:Adam",
        help="Start with it if you do not know which to use.",
        source="Kingma and Ba 2014, https://arxiv.org/abs/1412.6980",
    ),
    Entry(
        "adamw",
        "AdamW",
        at="torch.optim:AdamW",
        help="Adam whose weight decay does what it says.",
        source="Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101",
    ),
    Entry(
        "radam",
        "RAdam",
        at="torch.optim:RAdam",
        help="Adam that needs no warm-up; Omnipose's choice.",
        source="Liu et al. 2019, https://arxiv.org/abs/1908.03265",
    ),
    Entry(
        "nadam",
        "NAdam",
        at="torch.optim:NAdam",
        help="Adam with Nesterov momentum.",
        source="Dozat 2016, https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ",
    ),
    Entry(
        "sgd",
        "SGD",
        at="torch.optim:SGD",
        help="Slower than Adam, often better in the end; needs a larger learning rate.",
        source="https://en.wikipedia.org/wiki/Stochastic_gradient_descent",
    ),
    Entry(
        "rmsprop",
        "RMSprop",
        at="torch.optim:RMSprop",
        help="Scales each weight's step by its recent gradients.",
        source="Hinton 2012, https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf",
    ),
    Entry(
        "adagrad",
        "Adagrad",
        at="torch.optim:Adagrad",
        help="Steps shrink over time; needs a larger learning rate.",
        source="Duchi et al. 2011, https://jmlr.org/papers/v12/duchi11a.html",
    ),
    Entry(
        "adadelta",
        "Adadelta",
        at="torch.optim:Adadelta",
        help="Adagrad without the shrinking; use a learning rate near 1.",
        source="Zeiler 2012, https://arxiv.org/abs/1212.5701",
    ),
    Entry(
        "adamax",
        "Adamax",
        at="torch.optim:Adamax",
        help="Adam with a bounded step; calm with noisy gradients.",
        source="Kingma and Ba 2014, https://arxiv.org/abs/1412.6980",
    ),
)

SCHEDULES = Catalog(
    "schedule",
    Entry(
        "constant",
        "Constant",
        at="nbtrainer.optimizers:constant",
        help="The same learning rate from the first step to the last.",
    ),
    Entry(
        "warm_up",
        "Warm-up, then constant",
        at="nbtrainer.optimizers:warm_up",
        help="Rises during the first part of the run; protects pretrained weights.",
    ),
    Entry(
        "steps",
        "Steps (milestones)",
        at="nbtrainer.optimizers:steps",
        help="Falls at milestones, as PyTorch Connectomics lets it.",
        source="https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiStepLR.html",
    ),
    Entry(
        "step",
        "Step",
        at="nbtrainer.optimizers:step",
        help="Falls again and again after the same number of epochs.",
        source="https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html",
    ),
    Entry(
        "plateau",
        "Plateau",
        at="nbtrainer.optimizers:warm_up",
        help="Falls when what is monitored has not become better for a while.",
        source="https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html",
    ),
    Entry(
        "list",
        "A rate for each epoch",
        at="nbtrainer.optimizers:constant",
        help="As listed, epoch by epoch; Omnipose takes such lists.",
    ),
    Entry(
        "polynomial",
        "Polynomial",
        at="nbtrainer.optimizers:polynomial",
        help="Falls nearly evenly to nothing at the end of the run; nnU-Net's choice.",
        source="Isensee et al. 2021, https://doi.org/10.1038/s41592-020-01008-z",
    ),
    Entry(
        "omnipose",
        "Ramp and halvings (Omnipose)",
        at="nbtrainer.optimizers:omnipose",
        help="Rises over 10 epochs, and in runs of more than 250 is halved every 10 of the last 100.",
        source="Cutler et al. 2022, https://doi.org/10.1038/s41592-022-01639-4",
    ),
    Entry(
        "one_cycle",
        "Warm-up, then cosine (one cycle)",
        at="nbtrainer.optimizers:one_cycle",
        help="Rises, then falls along a cosine to nearly nothing at the end of the run; allows larger rates.",
        source="Smith and Topin 2017, https://arxiv.org/abs/1708.07120",
    ),
)
