<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

/*
 * A stand-in for OPNsense's request.
 */

namespace OPNsense\Mvc;

class Request
{
    public function isPost()
    {
        return $_SERVER['REQUEST_METHOD'] === 'POST';
    }

    public function isGet()
    {
        return $_SERVER['REQUEST_METHOD'] === 'GET';
    }

    public function hasPost($name)
    {
        return isset($_POST[$name]);
    }

    public function getPost($name = null, $filter = null, $default = null)
    {
        return $name === null ? $_POST : ($_POST[$name] ?? $default);
    }

    public function get($name = null, $filter = null, $default = null)
    {
        return $_REQUEST[$name] ?? $default;
    }
}
