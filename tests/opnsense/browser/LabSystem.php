<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * The machine of a maintenance is a node of a lab: its kernel's sum, its config.xml, its carpd.
 */

class LabSystem extends OPNsense\Carpd\MaintenanceSystem
{
    private function carpctl(string ...$words): string
    {
        exec(getenv('CARPD_CARPCTL') . ' ' . implode(' ', array_map('escapeshellarg', $words)) . ' 2>/dev/null', $lines);
        return implode("\n", $lines);
    }

    public function sum()
    {
        return $this->status()['demotion']['total'] ?? null;
    }

    public function add($amount)
    {
        $this->carpctl('lab', 'demote', '--', getenv('CARPD_NODE'), (string)$amount);
        return true;
    }

    public function status()
    {
        return json_decode($this->carpctl('status', '--json'), true) ?? [];
    }

    public function nudge()
    {
        $this->carpctl('nudge');
    }

    public function boot()
    {
        return 'lab';
    }

    public function pause()
    {
    }
}
