<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

require dirname(__DIR__) . '/standin/configd.php';
require __DIR__ . '/core.php';
require __DIR__ . '/CarpdTestCase.php';
require __DIR__ . '/FakeSystem.php';
