<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

namespace OPNsense\Carpd;

/**
 * Durations as carpd writes them: whole numbers with units, as in "90m" or "1d12h".
 */
class Duration
{
    public const FORM = '/^(\d+(ms|s|m|h|d))+$/D';

    private const UNITS = ['ms' => 1.0, 's' => 1e3, 'm' => 6e4, 'h' => 36e5, 'd' => 864e5];

    /**
     * @param string $text
     * @return float|null null if it is no duration
     */
    public static function milliseconds($text)
    {
        if (strlen($text) > 40 || !preg_match(self::FORM, $text)) {
            return null;
        }
        preg_match_all('/(\d+)(ms|s|m|h|d)/', $text, $parts, PREG_SET_ORDER);

        return array_sum(array_map(fn($part) => $part[1] * self::UNITS[$part[2]], $parts));
    }

    /**
     * @param string $text
     * @return int|null whole seconds, null if it is no duration
     */
    public static function seconds($text)
    {
        $length = self::milliseconds($text);

        return $length === null || $length > 1e15 ? null : (int)floor($length / 1000);
    }

    /**
     * @param float $milliseconds
     * @return string in the largest unit that leaves no rest
     */
    public static function shown($milliseconds)
    {
        foreach (array_reverse(self::UNITS) as $unit => $size) {
            if ($unit !== 'ms' && $milliseconds >= $size && fmod($milliseconds, $size) == 0) {
                return ($milliseconds / $size) . $unit;
            }
        }

        return $milliseconds == 0 ? '0s' : $milliseconds . 'ms';
    }
}
