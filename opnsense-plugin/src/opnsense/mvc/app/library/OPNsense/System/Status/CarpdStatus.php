<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

namespace OPNsense\System\Status;

use OPNsense\Carpd\Banner;
use OPNsense\Core\Config;
use OPNsense\System\AbstractStatus;
use OPNsense\System\SystemStatusCode;

class CarpdStatus extends AbstractStatus
{
    public function __construct()
    {
        $this->internalPriority = 5;
        $this->internalPersistent = true;
        $this->internalIsBanner = true;
        $this->internalTitle = gettext('CARP failover');
        $this->internalLocation = '/ui/carpd/status';
    }

    public function collectStatus()
    {
        // The model would read every list of options; this runs with every page.
        $general = Config::getInstance()->object()->OPNsense->carpd->general ?? null;
        if ((string)($general->enabled ?? '') !== '1' || (string)($general->banner ?? '') !== '1') {
            return;
        }
        $problem = (new Banner())->worst(time());
        if ($problem === null) {
            return;
        }
        $text = $problem['next'] === '' ? $problem['what'] : $problem['what'] . ' -- ' . $problem['next'];
        if ($problem['count'] > 1) {
            $text .= ' ' . sprintf(gettext('(%d more)'), $problem['count'] - 1);
        }
        $this->internalMessage = $text;
        $this->internalStatus = $problem['severity'] === 'critical' ? SystemStatusCode::ERROR : SystemStatusCode::WARNING;
    }
}
