<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

use OPNsense\Carpd\Banner;
use OPNsense\Carpd\Duration;

final class BannerTest extends CarpdTestCase
{
    private function banner()
    {
        return new Banner($this->directory . '/banner.json');
    }

    private static function problem($what, $severity = 'warning')
    {
        return ['verdict' => ['problems' => [['severity' => $severity, 'what' => $what, 'next' => 'look']]]];
    }

    public function testOnlyWhatLastsIsShown()
    {
        $this->banner()->take(self::problem('em0 is down'), 1000);
        $this->assertNull($this->banner()->worst(1001));
        $this->banner()->take(self::problem('em0 is down'), 1060);
        $this->assertSame('em0 is down', $this->banner()->worst(1061)['what']);
        $this->banner()->take(['verdict' => ['problems' => []]], 1120);
        $this->assertNull($this->banner()->worst(1121));
        $this->banner()->take(self::problem('em0 is down'), 1180);
        $this->assertNull($this->banner()->worst(1181), 'it begins anew');
    }

    public function testAProblemWhoseNumbersChangeIsTheSame()
    {
        $this->banner()->take(self::problem('badauth grew by 7'), 1000);
        $this->banner()->take(self::problem('badauth grew by 12'), 1060);
        $this->assertSame('badauth grew by 12', $this->banner()->worst(1061)['what']);
    }

    public function testTheWorstComesFirst()
    {
        foreach ([1000, 1060] as $now) {
            $problems = array_merge(
                self::problem('w')['verdict']['problems'],
                self::problem('c', 'critical')['verdict']['problems'],
                self::problem('u', 'unknown')['verdict']['problems']
            );
            $this->banner()->take(['verdict' => ['problems' => $problems]], $now);
        }
        $worst = $this->banner()->worst(1061);
        $this->assertSame(['c', 2], [$worst['what'], $worst['count']]);
    }

    public function testWhatIsOldOrDamagedOrOfTheFutureSaysNothing()
    {
        $this->banner()->take(self::problem('x'), 1000);
        $this->banner()->take(self::problem('x'), 1060);
        $this->assertNull($this->banner()->worst(1060 + Banner::STALE + 1));
        $this->assertNull($this->banner()->worst(900));
        file_put_contents($this->directory . '/banner.json', '{"time":1060,"problems":7}');
        $this->assertNull($this->banner()->worst(1061));
    }

    public function testDurations()
    {
        foreach (['90m' => 5400, '1d12h' => 129600, '1500ms' => 1, '0s' => 0] as $text => $seconds) {
            $this->assertSame($seconds, Duration::seconds($text));
        }
        foreach (['', '5', 's', '-1s', '1 s', "1s\n", '1w', str_repeat('9', 30) . 'd'] as $text) {
            $this->assertNull(Duration::seconds($text), $text);
        }
        $this->assertSame(['5s', '30d', '90s', '100ms', '0s'], array_map([Duration::class, 'shown'], [5000, 2592000000, 90000, 100, 0]));
    }
}
