<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

namespace OPNsense\Carpd;

use OPNsense\Core\Config;
use OPNsense\Core\Shell;

/**
 * What a maintenance touches on this machine.
 */
class MaintenanceSystem
{
    private const CARPCTL = '/usr/local/sbin/carpctl';
    private const DEMOTION = 'net.inet.carp.demotion';

    /**
     * @return bool OPNsense's flag, as config.xml has it now
     */
    public function flag()
    {
        Config::getInstance()->forceReload();
        $flag = Config::getInstance()->object()->virtualip_carp_maintenancemode;

        // OPNsense's own pages ask whether the element is there, not what is in it.
        return $flag !== null && count($flag) > 0;
    }

    /**
     * @param bool $on
     * @param string $description of the change, for the configuration's history
     */
    public function setFlag($on, $description)
    {
        $config = Config::getInstance()->lock();
        try {
            unset($config->object()->virtualip_carp_maintenancemode);
            if ($on) {
                $config->object()->addChild('virtualip_carp_maintenancemode', '1');
            }
            $config->save(['description' => $description]);
        } finally {
            $config->unlock();
        }
    }

    /**
     * @return int|null the kernel's sum
     */
    public function sum()
    {
        $text = Shell::shell_safe('/sbin/sysctl -n %s', [self::DEMOTION]);

        return preg_match('/^-?\d+$/D', $text) ? (int)$text : null;
    }

    /**
     * @param int $amount to add; a write to this variable is an addition
     * @return bool whether the kernel took it
     */
    public function add($amount)
    {
        return Shell::run_safe('/sbin/sysctl %s', [self::DEMOTION . '=' . $amount]) === 0;
    }

    /**
     * @return array carpctl's status, empty if there is none
     */
    public function status()
    {
        $status = json_decode(Shell::shell_safe(self::CARPCTL . ' status --json 2> /dev/null'), true);

        return is_array($status) ? $status : [];
    }

    /**
     * Has carpd look at the kernel.
     */
    public function nudge()
    {
        Shell::run_safe('/usr/bin/timeout 2 ' . self::CARPCTL . ' nudge', [], true);
        usleep(300000);
    }

    /**
     * @return string another one in each boot
     */
    public function boot()
    {
        return Shell::shell_safe('/sbin/sysctl -b kern.boot_id | /sbin/sha256 -q');
    }

    /**
     * @return int seconds since 1970
     */
    public function now()
    {
        return time();
    }

    /**
     * @return int|null after how long a maintenance ends for which nobody said it, null for never
     */
    public function defaultSeconds()
    {
        $general = Config::getInstance()->object()->OPNsense->carpd->general ?? null;

        return Duration::seconds((string)($general->maintenance_default_for ?? ''));
    }

    /**
     * Long enough for another script to finish what it has begun.
     */
    public function pause()
    {
        sleep(2);
    }
}
