<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

use OPNsense\Carpd\Carpd;
use OPNsense\Carpd\Node;
use OPNsense\Core\Config;

final class ModelTest extends CarpdTestCase
{
    private function model($service = [], $probe = null)
    {
        $model = new Carpd();
        $node = $model->services->service->add();
        $node->setNodes(self::service($service));
        if ($probe !== null) {
            $model->probes->probe->add()->setNodes(
                $probe + ['enabled' => '1', 'service' => $node->getAttribute('uuid'), 'name' => 'api', 'effect' => 'report']
            );
        }

        return $model;
    }

    public function testAFreshModelAsksForNothing()
    {
        $this->useConfig('pair.xml');
        $model = new Carpd();
        $this->assertSame('0', (string)$model->general->enabled);
        $this->assertSame([], self::complaints($model));
        $this->assertSame('info', (string)(new Node())->log);
    }

    public function testAServiceThatIsGood()
    {
        $this->assertSame([], self::complaints($this->model()));
        $this->assertSame([], self::complaints($this->model(['driver' => '', 'rc_script' => '', 'profile' => 'defguard'])));
        $link = ['driver' => '', 'rc_script' => '', 'link_interface' => 'wg20', 'mode' => 'warm'];
        $this->assertSame([], self::complaints($this->model($link)));
    }

    /**
     * @dataProvider badServices
     */
    public function testAServiceThatIsNot($service, $field)
    {
        $this->assertSame([$field], self::complaints($this->model($service)));
    }

    public static function badServices()
    {
        return [
            'a name with a quote' => [['name' => 'x"y'], 'name'],
            'no name' => [['name' => ''], 'name'],
            'nothing followed' => [['follows' => ''], 'follows'],
            'a virtual IP that is not there' => [['follows' => '1@wan,9@lan'], 'follows'],
            'an injected reference' => [['follows' => "1@wan\"]\n[control]"], 'follows'],
            'rc without script' => [['rc_script' => ''], 'rc_script'],
            'a script elsewhere' => [['rc_script' => '../../tmp/x'], 'rc_script'],
            'configd without stop' =>
                [['driver' => 'configd', 'configd_start' => 'x start', 'process_program' => 'x'], 'configd_stop'],
            'configd without program' =>
                [['driver' => 'configd', 'configd_start' => 'x start', 'configd_stop' => 'x stop'], 'process_program'],
            'own script without name' => [['driver' => 'script'], 'script'],
            'no driver' => [['driver' => ''], 'driver'],
            'warm without link' => [['mode' => 'warm'], 'link_interface'],
            'a pid file alone' => [['process_pidfile' => '/var/run/x.pid'], 'process_program'],
            'a tunnel without name' => [['profile' => 'wireguard'], 'link_interface'],
            'a program with a newline' => [['process_program' => "x\ny"], 'process_program'],
            'a relative file' => [['ready' => 'cert.pem'], 'ready'],
            'not a duration' => [['settle' => '4'], 'settle'],
            'a long duration' => [['settle' => '61s'], 'settle'],
            'a huge duration' => [['stop_limit' => '99999999999999999999999999999999999h'], 'stop_limit'],
            'a short duration' => [['start_limit' => '999ms'], 'start_limit'],
        ];
    }

    /**
     * @dataProvider badProbes
     */
    public function testAProbeThatIsNotGood($probe, $field)
    {
        $this->assertSame([$field], self::complaints($this->model([], $probe)));
    }

    public static function badProbes()
    {
        return [
            'tcp without address' => [['kind' => 'tcp'], 'connect'],
            'a host name' => [['kind' => 'tcp', 'connect' => 'localhost:80'], 'connect'],
            'http with TLS' => [['kind' => 'http', 'url' => 'https://127.0.0.1/'], 'url'],
            'no status code' => [['kind' => 'http', 'url' => 'http://127.0.0.1/', 'healthy' => '200-299,600'], 'healthy'],
            'file without age' => [['kind' => 'file', 'path' => '/x'], 'max_age'],
            'a demotion that is no multiple of 16' => [['kind' => 'process', 'program' => 'x', 'demote' => '100'], 'demote'],
            'longer than the time between two' => [['kind' => 'process', 'program' => 'x', 'timeout' => '6s'], 'timeout'],
            'a service that is not there' => [['kind' => 'process', 'program' => 'x', 'service' => 'none'], 'service'],
        ];
    }

    public function testNamesAreUnique()
    {
        $model = $this->model();
        $model->services->service->add()->setNodes(self::service());
        $this->assertContains('name', self::complaints($model));

        $model = $this->model([], ['kind' => 'process', 'program' => 'x']);
        $first = iterator_to_array($model->probes->probe->iterateItems());
        $service = (string)reset($first)->service;
        $twin = ['enabled' => '1', 'service' => $service, 'name' => 'api', 'kind' => 'process', 'program' => 'y', 'effect' => 'report'];
        $model->probes->probe->add()->setNodes($twin);
        $this->assertSame(['name', 'name'], self::complaints($model));
    }

    public function testVirtualIpsAreNamedByVhidAndInterface()
    {
        $node = (new Carpd())->services->service->add();
        $options = $node->follows->getNodeData();
        $this->assertSame(['1@wan', '3@lan', '12@lan'], array_map('strval', array_keys($options)));
        $this->assertSame('1@wan (WAN, 198.51.100.10)', $options['1@wan']['value']);
    }

    public function testAVirtualIpThatIsGoneStaysChosenAndIsShown()
    {
        $model = $this->model(['follows' => '1@wan,3@lan']);
        $model->serializeToConfig();
        Config::getInstance()->save();
        $text = file_get_contents($this->directory . '/config.xml');
        $this->useConfig('pair.xml', fn() => str_replace('<vhid>3</vhid>', '<vhid>4</vhid>', $text));

        $model = new Carpd();
        foreach ($model->services->service->iterateItems() as $service) {
            $options = $service->follows->getNodeData();
            $this->assertSame(['3@lan (no such virtual IP)', 1], [$options['3@lan']['value'], $options['3@lan']['selected']]);
            $this->assertStringContainsString('3@lan (no such virtual IP)', $service->follows->getDescription());
            $this->assertSame([], self::complaints($model), 'so that the rest can be edited');
            $service->follows = '1@wan,3@lan,5@lan';
        }
        $this->assertSame(['follows'], self::complaints($model), 'a missing one cannot be added');
    }

    public function testReferencesOfOtherPartsOfOpnsenseAreMigrated()
    {
        $section = '<OPNsense><carpd><services><service uuid="11111111-2222-4333-8444-555555555555"><enabled>1</enabled>' .
            '<name>gw</name><driver>rc</driver><rc_script>gw</rc_script><follows>0f1d2c3b-4a59-4868-8776-95a4b3c2d1e0,lan_vip3,99999999-2222-4333-8444-555555555555</follows>' .
            '</service></services></carpd></OPNsense></opnsense>';
        $this->useConfig('pair.xml', fn($text) => str_replace('</opnsense>', $section, $text));
        $model = new Carpd();
        $this->assertTrue($model->runMigrations());
        $this->assertSame('1.0.0', $model->getVersion());
        foreach ($model->services->service->iterateItems() as $service) {
            $this->assertSame('1@wan,3@lan,99999999-2222-4333-8444-555555555555', (string)$service->follows);
        }
        Config::getInstance()->save();
        $xml = simplexml_load_file($this->directory . '/config.xml');
        $this->assertSame('1.0.0', (string)$xml->OPNsense->carpd['version']);
    }

    public function testAConfigurationWithoutInterfacesOrVirtualIpsIsRead()
    {
        $this->useConfig('pair.xml', fn() => '<opnsense><system><hostname>x</hostname></system></opnsense>');
        $this->assertTrue((new Carpd())->runMigrations());
        $this->assertSame([], (new Carpd())->services->service->add()->follows->getNodeData());
    }

    public function testFiveHundredVirtualIps()
    {
        $vips = '';
        for ($n = 0; $n < 500; $n++) {
            $vips .= sprintf(
                '<vip uuid="%08d-4a59-4868-8776-95a4b3c2d1e0"><interface>%s</interface><mode>carp</mode>' .
                '<subnet>10.%d.%d.1</subnet><subnet_bits>24</subnet_bits><vhid>%d</vhid></vip>',
                $n,
                $n < 250 ? 'wan' : 'lan',
                $n >> 8,
                $n & 255,
                $n % 250 + 1
            );
        }
        $this->useConfig('pair.xml', fn($text) => preg_replace('#<vip .*</vip>#s', $vips, $text));
        $this->assertCount(500, (new Carpd())->services->service->add()->follows->getNodeData());
    }

    public function testWhatIsTheNodesOwnIsNotInTheSectionThatIsSynchronised()
    {
        $node = new Node();
        $node->setNodes(['name' => 'fw1', 'metrics' => '1']);
        $node->serializeToConfig();
        $this->model()->serializeToConfig();
        $xml = Config::getInstance()->object()->OPNsense;
        $this->assertSame('fw1', (string)$xml->carpdnode->name);
        $this->assertStringNotContainsString('fw1', $xml->carpd->asXML());
    }
}
