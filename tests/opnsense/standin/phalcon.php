<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

/*
 * A stand-in for the one class of Phalcon that OPNsense's models touch: it has no validators of its own.
 */

namespace Phalcon\Filter;

class Validation
{
    public function add($field, $validator)
    {
    }

    public function validate($data)
    {
        return [];
    }
}
