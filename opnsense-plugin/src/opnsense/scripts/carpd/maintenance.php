#!/usr/local/bin/php
<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

/*
 * usage: maintenance.php show | preflight | repair | watch
 *        maintenance.php enter [reason [for [force [by]]]]
 *        maintenance.php leave [by]
 *
 * An empty argument is none. Prints JSON; exits 0 if done or already so, 1 if it failed, 4 if it was refused.
 */

require_once('script/load_phalcon.php');

use OPNsense\Carpd\Banner;
use OPNsense\Carpd\Duration;
use OPNsense\Carpd\Maintenance;
use OPNsense\Carpd\MaintenanceSystem;

function text($argument)
{
    return trim(preg_replace('/[[:cntrl:]]+/', ' ', $argument ?? ''));
}

$system = new MaintenanceSystem();
$maintenance = new Maintenance($system);
$by = text(($argv[1] ?? '') === 'enter' ? ($argv[5] ?? '') : ($argv[2] ?? '')) ?: 'root';

try {
    switch ($argv[1] ?? '') {
        case 'show':
            $answer = ['result' => 'ok', 'maintenance' => $maintenance->show()];
            break;
        case 'preflight':
            $answer = ['result' => 'ok'] + $maintenance->preflight();
            break;
        case 'enter':
            $reason = text($argv[2] ?? '');
            $for = trim($argv[3] ?? '');
            $seconds = $for === '' ? null : Duration::seconds($for);
            if ($for !== '' && $seconds === null) {
                $answer = ['result' => 'failed', 'message' => sprintf('"%s" is no duration such as 2h or 90m', $for)];
                break;
            }
            $force = ($argv[4] ?? '') === '1';
            $answer = $maintenance->enter($reason === '' ? null : $reason, $seconds, $by, $force);
            break;
        case 'leave':
            $answer = $maintenance->leave($by);
            break;
        case 'repair':
            $answer = $maintenance->repair();
            break;
        case 'watch':
            $done = $maintenance->watch();
            if ($done !== null) {
                openlog('carpd', LOG_ODELAY, LOG_DAEMON);
                syslog(LOG_NOTICE, sprintf('maintenance: %s', $done));
            }
            (new Banner())->take($system->status(), $system->now());
            exit(0);
        default:
            fwrite(STDERR, "usage: maintenance.php show | preflight | enter | leave | repair | watch\n");
            exit(64);
    }
    if (in_array($argv[1], ['enter', 'leave', 'repair'])) {
        $answer['maintenance'] = $maintenance->show();
    }
} catch (\Throwable $error) {
    $answer = ['result' => 'failed', 'message' => $error->getMessage()];
}

echo json_encode($answer, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE) . "\n";
exit(['ok' => 0, 'refused' => 4][$answer['result']] ?? 1);
