<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

namespace OPNsense\Carpd;

use OPNsense\Base\IndexController;

class SettingsController extends IndexController
{
    public function indexAction()
    {
        $this->view->formGeneral = $this->getForm('general');
        $this->view->formNode = $this->getForm('node');
        $this->view->formDialogService = $this->getForm('dialogService');
        $this->view->formGridService = $this->getFormGrid('dialogService');
        $this->view->formDialogProbe = $this->getForm('dialogProbe');
        $this->view->formGridProbe = $this->getFormGrid('dialogProbe');
        $this->view->pick('OPNsense/Carpd/settings');
    }
}
