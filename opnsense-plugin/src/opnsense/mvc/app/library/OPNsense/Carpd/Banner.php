<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

namespace OPNsense\Carpd;

/**
 * What the banner shows: the problems that have lasted, written down once a minute so that showing them asks nobody.
 *
 * A failover makes problems that are gone before anybody could look. Only what was there at two looks in a row, at least
 * LASTING seconds apart, is shown.
 */
class Banner
{
    public const FILE = '/var/run/carpd_banner.json';
    public const LASTING = 50;

    /** What is older was written before carpd, or cron, stopped; it says nothing about now. */
    public const STALE = 300;

    private const SHOWN = ['critical', 'warning'];

    private $file;

    public function __construct($file = self::FILE)
    {
        $this->file = $file;
    }

    /**
     * Takes down what a status says.
     *
     * @param array $status carpctl's, empty if there is none
     * @param int $now
     */
    public function take($status, $now)
    {
        $before = $this->read();
        $problems = [];
        $found = $status['verdict']['problems'] ?? [];
        if ($status === []) {
            $found = [['severity' => 'warning', 'what' => 'carpctl gives no status', 'next' => '']];
        }
        foreach ($found as $problem) {
            if (in_array($problem['severity'] ?? '', self::SHOWN, true)) {
                // Numbers in the text change while the problem stays.
                $id = md5(preg_replace('/\d+/', '0', (string)$problem['what']));
                $problems[$id] = [
                    'severity' => $problem['severity'],
                    'what' => (string)$problem['what'],
                    'next' => (string)($problem['next'] ?? ''),
                    'since' => min((int)($before['problems'][$id]['since'] ?? $now), $now),
                ];
            }
        }
        $new = $this->file . '.new';
        if (@file_put_contents($new, json_encode(['time' => $now, 'problems' => $problems]) . "\n") !== false) {
            // Read by the web server's user, who has no other right to it.
            chmod($new, 0640);
            @chgrp($new, 'wwwonly');
            rename($new, $this->file);
        }
    }

    /**
     * @param int $now
     * @return array|null the worst problem that has lasted, and how many there are
     */
    public function worst($now)
    {
        $record = $this->read();
        $age = $now - (int)($record['time'] ?? 0);
        if ($age < 0 || $age > self::STALE) {
            return null;
        }
        $lasting = array_filter(
            $record['problems'] ?? [],
            fn($problem) => (int)$record['time'] - (int)$problem['since'] >= self::LASTING
        );
        foreach (self::SHOWN as $severity) {
            foreach ($lasting as $problem) {
                if ($problem['severity'] === $severity) {
                    return $problem + ['count' => count($lasting)];
                }
            }
        }

        return null;
    }

    private function read()
    {
        $record = json_decode((string)@file_get_contents($this->file), true);

        return is_array($record) && is_array($record['problems'] ?? null) ? $record : [];
    }
}
