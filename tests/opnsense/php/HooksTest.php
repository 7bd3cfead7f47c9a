<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

use OPNsense\Core\Backend;

require_once dirname(__DIR__, 3) . '/opnsense-plugin/src/etc/inc/plugins.inc.d/carpd.inc';

if (!function_exists('configd_run')) {
    function configd_run($command, $detach = false)
    {
        return (new Backend())->configdRun($command, $detach);
    }
}

final class HooksTest extends CarpdTestCase
{
    private function enable()
    {
        $section = '<OPNsense><carpd><general><enabled>1</enabled></general></carpd></OPNsense></opnsense>';
        $this->useConfig('pair.xml', fn($text) => str_replace('</opnsense>', $section, $text));
    }

    public function testAPluginThatIsNotEnabledAsksForNothing()
    {
        $this->assertSame([[], []], [carpd_services(), carpd_cron()]);
        carpd_poke();
        $this->assertSame([], Backend::$asked);
    }

    public function testCarpdIsListedAndWhatFollowsItIsNot()
    {
        $this->enable();
        $services = carpd_services();
        $this->assertSame(['carpd'], array_column($services, 'name'));
        $this->assertSame(['start', 'stop', 'restart'], array_keys($services[0]['configd']));
        $this->assertCount(1, carpd_cron());
    }

    public function testOnlyTheSharedSectionIsSynchronised()
    {
        $this->assertSame(['OPNsense.carpd'], array_column(carpd_xmlrpc_sync(), 'section'));
        $this->assertSame(['carpd'], array_keys(carpd_syslog()));
    }

    public function testTheOtherNodeMayAskForTheStatusAndNothingElse()
    {
        require_once dirname(__DIR__, 3) . '/opnsense-plugin/src/etc/inc/xmlrpc/carpd.inc';
        Backend::$answers = ['carpd show status' => '{"node":"fw1"}'];
        $this->assertSame(['carpd_status_xmlrpc'], xmlrpc_publishable_carpd());
        $this->assertSame('{"node":"fw1"}', carpd_status_xmlrpc());
    }

    public function testAChangeOfTheInterfacesIsAPokeWithoutWaiting()
    {
        $this->enable();
        foreach (carpd_configure() as $tasks) {
            foreach ($tasks as $task) {
                $task(true);
            }
        }
        $this->assertSame(['carpd poke', 'carpd poke'], Backend::$asked);
    }
}
