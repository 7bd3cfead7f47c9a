<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

/**
 * A stand-in for a machine: the additive demotion, its other parts, the flag, and a power switch. Only the flag and the sum
 * are real state; a crash is an exception at the n-th write to either.
 */
class FakeSystem
{
    public $flag = false;
    public $sum = 0;
    public $known = [];
    public $boot = 'boot-1';
    public $now = 1763683200;
    public $ledger = 'settled';
    public $preflight = ['answer' => 'unknown', 'text' => ''];
    public $default = null;
    public $writes = [];
    public $crash_at = null;
    public $late = 0;
    public $on_pause = null;
    private $seen = null;

    private function happens($what)
    {
        if ($this->crash_at !== null && count($this->writes) >= $this->crash_at) {
            throw new RuntimeException('the power is gone');
        }
        $this->writes[] = $what;
    }

    public function flag()
    {
        return $this->flag;
    }

    public function setFlag($on, $description)
    {
        $this->happens($on ? 'flag on' : 'flag off');
        $this->flag = $on;
    }

    public function sum()
    {
        return $this->sum;
    }

    public function add($amount)
    {
        $this->happens(sprintf('%+d', $amount));
        $this->sum += $amount;

        return true;
    }

    public function status()
    {
        if ($this->seen === null || $this->late-- <= 0) {
            $this->seen = $this->sum;
        }
        $reasons = [];
        $rest = $this->seen;
        foreach ($this->known as $name => $value) {
            $reasons[] = ['name' => $name, 'value' => $value];
            $rest -= $value;
        }
        if ($rest !== 0) {
            $reasons[] = ['name' => 'unattributed', 'value' => $rest];
        }

        return [
            'demotion' => ['total' => $this->seen, 'ledger' => $this->ledger, 'reasons' => $reasons],
            'maintenance' => ['preflight' => $this->preflight],
        ];
    }

    public function nudge()
    {
    }

    public function boot()
    {
        return $this->boot;
    }

    public function now()
    {
        return $this->now;
    }

    public function defaultSeconds()
    {
        return $this->default;
    }

    public function pause()
    {
        if ($this->on_pause !== null) {
            ($this->on_pause)($this);
        }
    }

    /** OPNsense's own button: a toggle that sets the sum, in core's order of writes. */
    public function button()
    {
        if ($this->flag) {
            $this->sum = 0;
            $this->flag = false;
        } else {
            $this->sum += 240;
            $this->flag = true;
        }
    }
}
