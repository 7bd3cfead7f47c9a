<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

namespace OPNsense\Carpd;

use OPNsense\Base\IndexController;

class StatusController extends IndexController
{
    public function indexAction()
    {
        $this->view->formMaintenance = $this->getForm('maintenance');
        $this->view->pick('OPNsense/Carpd/status');
    }
}
