<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

/*
 * A stand-in for the client of OPNsense's configd: it answers what the test has laid down, and remembers what it was asked.
 */

namespace OPNsense\Core;

class Backend
{
    public static $answers = [];
    public static $asked = [];

    public function configdRun($event, $detach = false, $timeout = 120, $connect_timeout = 10)
    {
        self::$asked[] = str_replace("'", '', $event);
        $answer = self::$answers[str_replace("'", '', $event)] ?? null;

        return $answer instanceof \Closure ? $answer([]) : $answer;
    }

    public function configdpRun($event, $params = [], $detach = false, $timeout = 120, $connect_timeout = 10)
    {
        self::$asked[] = [$event, ...(array)$params];
        $answer = self::$answers[$event] ?? null;

        return $answer instanceof \Closure ? $answer((array)$params) : $answer;
    }
}
