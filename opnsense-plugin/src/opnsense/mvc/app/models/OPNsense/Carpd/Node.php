<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

namespace OPNsense\Carpd;

use OPNsense\Base\BaseModel;

/**
 * What is this node's own, and therefore in a section that is never sent to the other one.
 */
class Node extends BaseModel
{
}
