<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

use OPNsense\Base\UserException;
use OPNsense\Core\Backend;

final class ApiTest extends CarpdTestCase
{
    private function add($service = [])
    {
        return $this->post('Settings', 'addService', ['service' => self::service($service)])['uuid'];
    }

    public function testSettingsAreSavedAndReadBack()
    {
        $this->assertSame(['result' => 'saved'], $this->post('Settings', 'set', ['carpd' => ['general' => ['enabled' => '1', 'poll' => '2s']]]));
        $this->assertSame('2s', $this->call('Settings', 'get')['carpd']['general']['poll']);
        $this->assertSame(['general'], array_keys($this->call('Settings', 'get')['carpd']));
        $answer = $this->post('Settings', 'set', ['carpd' => ['general' => ['poll' => '9s']]]);
        $this->assertSame(['failed', ['carpd.general.poll']], [$answer['result'], array_keys($answer['validations'])]);
        $this->assertSame('2s', $this->call('Settings', 'get')['carpd']['general']['poll']);
    }

    public function testTheNodesOwnSettings()
    {
        $this->assertSame(['result' => 'saved'], $this->post('Settings', 'setNode', ['node' => ['name' => 'fw1', 'metrics_port' => '9999']]));
        $this->assertSame('fw1', $this->call('Settings', 'getNode')['node']['name']);
        $answer = $this->post('Settings', 'setNode', ['node' => ['name' => 'a b']]);
        $this->assertSame(['node.name'], array_keys($answer['validations']));
    }

    public function testServicesAndTheirProbes()
    {
        $uuid = $this->add();
        $probe = ['service' => $uuid, 'name' => 'api', 'kind' => 'tcp', 'connect' => '127.0.0.1:50066'];
        $this->assertSame('saved', $this->post('Settings', 'addProbe', ['probe' => $probe])['result']);
        $rows = $this->call('Settings', 'searchService')['rows'];
        $this->assertSame([1, 1, '1@wan,3@lan'], [count($rows), $rows[0]['probes'], $rows[0]['follows']]);
        $this->assertStringContainsString('1@wan (WAN, 198.51.100.10)', $rows[0]['%follows']);
        $this->assertSame('saved', $this->post('Settings', 'setService', ['service' => ['settle' => '6s']], [$uuid])['result']);
        $answer = $this->post('Settings', 'setService', ['service' => ['settle' => 'soon']], [$uuid]);
        $this->assertSame(['service.settle'], array_keys($answer['validations']));
        $this->assertSame('6s', $this->call('Settings', 'getService', [$uuid])['service']['settle']);
    }

    public function testAServiceWithAProbeIsNotDeleted()
    {
        $uuid = $this->add();
        $this->post('Settings', 'addProbe', ['probe' => ['service' => $uuid, 'name' => 'p', 'kind' => 'process', 'program' => 'x']]);
        try {
            $this->post('Settings', 'delService', [], [$uuid]);
            $this->fail('it was deleted');
        } catch (UserException $refused) {
            $this->assertStringContainsString('"p"', $refused->getMessage());
        }
        $probe = $this->call('Settings', 'searchProbe')['rows'][0]['uuid'];
        $this->assertSame('deleted', $this->post('Settings', 'delProbe', [], [$probe])['result']);
        $this->assertSame('deleted', $this->post('Settings', 'delService', [], [$uuid])['result']);
    }

    public function testReconfigureReloadsAndNeverRestarts()
    {
        $this->post('Settings', 'set', ['carpd' => ['general' => ['enabled' => '1']]]);
        Backend::$answers = ['template reload' => 'OK', 'carpd apply' => "0\n{}\n"];
        $this->assertSame(['status' => 'ok'], $this->post('Service', 'reconfigure', []));
        $this->assertSame([['template reload', 'OPNsense/Carpd'], 'carpd apply', 'cron restart'], Backend::$asked);
    }

    public function testReconfigureSaysWhatIsWrongAndKeepsWhatRuns()
    {
        $this->post('Settings', 'set', ['carpd' => ['general' => ['enabled' => '1']]]);
        $report = '{"findings":[{"code":"CARP-C1","severity":"error","cause":"no driver","remedy":"add one"},' .
            '{"code":"CARP-C2","severity":"note","cause":"c","remedy":"r"}]}';
        Backend::$answers = ['template reload' => 'OK', 'carpd apply' => "1\n$report\n"];
        $answer = $this->post('Service', 'reconfigure', []);
        $this->assertSame('failed', $answer['status']);
        $this->assertStringContainsString('CARP-C1: no driver; add one', $answer['message']);
        $this->assertSame($answer['message'], $answer['status_msg']);
        $this->assertStringNotContainsString('CARP-C2', $answer['message']);
        Backend::$answers = ['template reload' => 'Execute error'];
        $this->assertSame('failed', $this->post('Service', 'reconfigure', [])['status']);
        Backend::$answers = ['template reload' => 'OK'];
        $this->assertSame('failed', $this->post('Service', 'reconfigure', [])['status']);
    }

    public function testDisablingStopsIt()
    {
        Backend::$answers = ['template reload' => 'OK'];
        $this->assertSame(['status' => 'ok'], $this->post('Service', 'reconfigure', []));
        $this->assertContains('carpd stop', Backend::$asked);
        $this->assertSame(['status' => 'failed'], $this->call('Service', 'reconfigure'));
    }

    public function testTheStatusOfTheServiceIsReadFromItsWords()
    {
        $this->post('Settings', 'set', ['carpd' => ['general' => ['enabled' => '1']]]);
        Backend::$answers = ['carpd status' => "carpd is running as pid 7, supervised by pid 6.\n"];
        $this->assertSame('running', $this->call('Service', 'status')['status']);
        Backend::$answers = ['carpd status' => "carpd is not running.\n"];
        $this->assertSame('stopped', $this->call('Service', 'status')['status']);
    }

    public function testTheStatusIsPassedThroughWithTheNamesOfOpnsense()
    {
        Backend::$answers = [
            'carpd show status' => '{"schema":1,"node":"fw1","vhids":[]}',
            'carpd maintenance show' => '{"result":"ok","maintenance":{"active":false}}',
        ];
        $answer = $this->call('Status', 'get');
        $this->assertSame(['schema' => 1, 'node' => 'fw1', 'vhids' => []], $answer['data']);
        $shown = json_decode(json_encode($answer['opnsense']), true);
        $this->assertSame(['key' => 'wan', 'descr' => 'WAN'], $shown['interfaces']['vtnet0']);
        $this->assertSame(['descr' => 'LAN VIP', 'subnet' => '192.168.10.1/24'], $shown['vips']['3@vtnet1']);
        $this->assertSame(['active' => false], $shown['maintenance']);
    }

    public function testWithoutConfigdEveryAnswerSaysWhatIsTheMatter()
    {
        foreach (['get', 'peer', 'history', 'check', 'why', 'configCheck'] as $action) {
            $answer = $this->call('Status', $action);
            $this->assertSame('failed', $answer['result'], $action);
            $this->assertNotSame('', $answer['message']);
        }
        $this->assertSame('failed', $this->call('Maintenance', 'show')['result']);
        $this->assertSame('failed', $this->post('Maintenance', 'enter', ['reason' => 'x'])['result']);
        $this->assertArrayHasKey('vtnet0', (array)$this->call('Status', 'get')['opnsense']['interfaces']);
    }

    public function testTheOtherNodeIsAskedOnlyByTheOneThatSynchronises()
    {
        Backend::$answers = ['carpd show peer' => '{"result":"ok","data":{"node":"fw2"}}'];
        $this->assertSame('failed', $this->call('Status', 'peer')['result']);
        $this->assertSame([], Backend::$asked);
        $hasync = '<hasync><synchronizetoip>10.99.0.2</synchronizetoip></hasync></opnsense>';
        $this->useConfig('pair.xml', fn($text) => str_replace('</opnsense>', $hasync, $text));
        $this->assertSame('fw2', $this->call('Status', 'peer')['data']['node']);
        Backend::$answers = [];
        $this->assertSame('failed', $this->call('Status', 'peer')['result']);
    }

    public function testTheHistoryIsAListAndItsLengthIsBounded()
    {
        Backend::$answers = ['carpd show history' => "{\"seq\":1}\ngarbage\n{\"seq\":2}\n"];
        $this->assertSame([['seq' => 1], ['seq' => 2]], $this->call('Status', 'history', ['99999'])['entries']);
        $this->assertSame(['carpd show history', '1000'], Backend::$asked[0]);
        $this->call('Status', 'history', ['-n; reboot']);
        $this->assertSame(['carpd show history', '100'], Backend::$asked[1]);
    }

    public function testTheJudgementHasTheCodeOfAMonitoringPlugin()
    {
        Backend::$answers = ['carpd show check' => "2\nCARP CRITICAL - MASTER of 0/2 vhids\n"];
        $answer = $this->call('Status', 'check');
        $this->assertSame([2, 'critical', 'CARP CRITICAL - MASTER of 0/2 vhids'], [$answer['code'], $answer['severity'], $answer['text']]);
    }

    public function testOnlyNamesOfObjectsAreAskedFor()
    {
        Backend::$answers = ['carpd show why' => "because\n", 'carpd show explain' => "it is\n"];
        $this->assertSame('because', $this->call('Status', 'why', ['1%40vtnet0'])['text']);
        $this->assertSame(['carpd show why', '1@vtnet0'], Backend::$asked[0]);
        foreach (['--config=/etc/passwd', '-x', '$(reboot)', "a\nb", str_repeat('a', 99)] as $bad) {
            $this->assertSame('failed', $this->call('Status', 'why', [$bad])['result']);
        }
        $this->assertSame('it is', $this->call('Status', 'explain', ['C212'])['text']);
        $this->assertSame('failed', $this->call('Status', 'explain', ['C212; reboot'])['result']);
        $this->assertCount(2, Backend::$asked);
    }

    public function testFindingsNameThePageThatMendsThem()
    {
        $documents = [
            ['format' => 'carpd.toml', 'findings' => [['key' => 'service[gw].follows[1]'], ['key' => 'node.name']]],
            null,
            ['format' => 'config.xml', 'findings' => [['key' => 'virtualip/vip[1]/advskew'], ['key' => 'unheard/of']]],
        ];
        Backend::$answers = ['carpd show config_check' => json_encode($documents)];
        list($toml, $xml) = $this->call('Status', 'configCheck')['documents'];
        $this->assertSame('/ui/carpd/settings#services', $toml['findings'][0]['page']);
        $this->assertSame('/ui/carpd/settings#general', $toml['findings'][1]['page']);
        $this->assertSame('/ui/interfaces/vip', $xml['findings'][0]['page']);
        $this->assertArrayNotHasKey('page', $xml['findings'][1]);
    }

    public function testThePeersConfigurationIsReadFromAFileThatIsGoneAfterwards()
    {
        $seen = [];
        Backend::$answers = ['carpd show config_check_peer' => function ($parameters) use (&$seen) {
            $seen = [$parameters[0], file_get_contents($parameters[0]), fileperms($parameters[0]) & 0777];
            return '[{"format":"config.xml","findings":[]}]';
        }];
        $this->assertSame('ok', $this->post('Status', 'configCheckPeer', ['peer' => '<opnsense/>'])['result']);
        $this->assertStringStartsWith('/tmp/carpd_peer_', $seen[0]);
        $this->assertSame(['<opnsense/>', 0600], [$seen[1], $seen[2]]);
        $this->assertFileDoesNotExist($seen[0]);
        $this->assertSame('failed', $this->post('Status', 'configCheckPeer', ['peer' => ''])['result']);
        $this->assertSame('failed', $this->call('Status', 'configCheckPeer')['result']);
    }

    public function testMaintenanceIsChangedByPostAlone()
    {
        Backend::$answers = ['carpd maintenance enter' => '{"result":"ok","message":"in maintenance"}'];
        $post = ['maintenance' => ['reason' => ' update ', 'for' => '2h', 'force' => '1']];
        $this->assertSame('ok', $this->post('Maintenance', 'enter', $post)['result']);
        $this->assertSame(['carpd maintenance enter', 'update', '2h', '1'], array_slice(Backend::$asked[0], 0, 4));
        $this->post('Maintenance', 'enter', ['reason' => 'x', 'force' => 'yes']);
        $this->assertSame(['carpd maintenance enter', 'x', '', '0'], array_slice(Backend::$asked[1], 0, 4));
        foreach (['enter', 'leave', 'repair'] as $action) {
            $this->assertSame('failed', $this->call('Maintenance', $action)['result']);
        }
        $this->assertSame('failed', $this->post('Maintenance', 'enter', ['for' => '2 hours'])['result']);
        $this->assertSame('failed', $this->post('Maintenance', 'enter', ['reason' => str_repeat('x', 201)])['result']);
        $this->assertSame('failed', $this->post('Ledger', 'assume', ['what' => 'anything'])['result']);
        $this->assertCount(2, Backend::$asked);
    }
}
