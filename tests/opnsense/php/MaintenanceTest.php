<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

use OPNsense\Carpd\Maintenance;
use OPNsense\Carpd\MaintenanceSystem;

final class MaintenanceTest extends CarpdTestCase
{
    private FakeSystem $system;

    protected function setUp(): void
    {
        parent::setUp();
        $this->system = new FakeSystem();
    }

    private function maintenance()
    {
        return new Maintenance($this->system, $this->directory . '/state');
    }

    private function enter($reason = null, $seconds = null, $force = false)
    {
        return $this->maintenance()->enter($reason, $seconds, 'admin', $force);
    }

    public function testTheFlagIsWrittenBeforeTheDemotion()
    {
        $this->assertSame(['result' => 'ok', 'message' => 'in maintenance'], $this->enter('update', 7200));
        $this->assertSame(['flag on', '+240'], $this->system->writes);
        $shown = $this->maintenance()->show();
        $this->assertSame(['update', 'admin', 'in_place'], [$shown['reason'], $shown['by'], $shown['demotion']]);
        $this->assertSame(['2025-11-21T00:00:00Z', '2025-11-21T02:00:00Z'], [$shown['since'], $shown['until']]);
    }

    public function testEnteringAndLeavingAreIdempotent()
    {
        $this->enter('update');
        $this->assertSame('already in maintenance', $this->enter()['message']);
        $this->assertSame('maintenance changed', $this->enter('cables')['message']);
        $this->assertSame('cables', $this->maintenance()->show()['reason']);
        $this->maintenance()->leave('admin');
        $this->assertSame('not in maintenance', $this->maintenance()->leave('admin')['message']);
        $this->assertSame(['flag on', '+240', 'flag off', '-240'], $this->system->writes);
        $this->assertSame(0, $this->system->sum);
    }

    public function testTheDemotionOfOthersIsLeftAlone()
    {
        list($this->system->sum, $this->system->known) = [720, ['interface down' => 480, 'pfsync bulk' => 240]];
        $this->enter();
        $this->assertSame(960, $this->system->sum);
        $this->maintenance()->leave('admin');
        $this->assertSame(720, $this->system->sum);
    }

    public function testTheButtonOfOpnsenseIsUnderstoodInBothDirections()
    {
        $this->system->button();
        $this->maintenance()->watch();
        $this->assertSame(['in_place', ''], [$this->maintenance()->show()['demotion'], $this->maintenance()->show()['reason']]);
        $this->assertSame('ok', $this->maintenance()->leave('admin')['result']);
        $this->assertSame([false, 0], [$this->system->flag, $this->system->sum]);

        $this->enter('update', 600);
        $this->system->button();
        $this->maintenance()->watch();
        $this->assertSame([false, 0], [$this->system->flag, $this->system->sum]);
        $this->system->button();
        $shown = $this->maintenance()->show();
        $this->assertSame(['', null], [$shown['reason'], $shown['until']], 'an ended maintenance leaves no reason and no end behind');
    }

    public function testTheWipedDemotionOfTheButtonIsNotRepeated()
    {
        // Core's "leave" sets the sum to 0 although an interface is down; its way up then makes the sum negative.
        list($this->system->sum, $this->system->known) = [240, ['interface down' => 240]];
        $this->system->button();
        $this->assertSame(480, $this->system->sum);
        $this->maintenance()->leave('admin');
        $this->assertSame(240, $this->system->sum);
    }

    public function testNoCrashBetweenAnyTwoWritesAddsTwiceOrForgets()
    {
        foreach ([0, 1, 2] as $at) {
            $this->system = new FakeSystem();
            $this->crashes($at, fn() => $this->enter('update'));
            $this->assertSame('ok', $this->enter('update')['result']);
            $this->assertSame([true, 240], [$this->system->flag, $this->system->sum], "enter, crash at write $at");

            $this->crashes($at, fn() => $this->maintenance()->leave('admin'));
            $this->assertSame('ok', $this->maintenance()->leave('admin')['result']);
            $this->assertSame([false, 0], [$this->system->flag, $this->system->sum], "leave, crash at write $at");
        }
    }

    /** The power goes away before the write after $writes more, if there is one. */
    private function crashes($writes, $change)
    {
        $this->system->crash_at = $writes + count($this->system->writes);
        try {
            $change();
            $this->assertSame(2, $writes);
        } catch (RuntimeException $crash) {
            $this->assertSame('the power is gone', $crash->getMessage());
        }
        $this->system->crash_at = null;
    }

    public function testWhatACrashLeftBehindIsMendedByTheWatch()
    {
        $this->crashes(1, fn() => $this->enter('update'));
        $this->assertSame('missing', $this->maintenance()->show()['demotion']);
        $this->assertSame('the missing 240 was put in', $this->maintenance()->watch());
        $this->crashes(1, fn() => $this->maintenance()->leave('admin'));
        $this->assertSame('stale', $this->maintenance()->show()['demotion']);
        $this->assertSame('the 240 that was left over was taken out', $this->maintenance()->watch());
        $this->assertSame(0, $this->system->sum);
    }

    public function testBetweenTheTwoWritesOfTheButtonNothingIsMended()
    {
        $this->system->button();
        $this->system->sum = 0;
        $this->system->on_pause = fn($system) => $system->flag = false;
        $this->assertNull($this->maintenance()->watch());
        $this->assertSame([], $this->system->writes);
    }

    public function testAfterAReboot()
    {
        $this->enter('update', 7200);
        list($this->system->boot, $this->system->sum) = ['boot-2', 0];
        $this->assertSame('missing', $this->maintenance()->show()['demotion']);
        $this->maintenance()->repair();
        $this->assertSame(240, $this->system->sum);
        $this->assertSame('update', $this->maintenance()->show()['reason']);
        // Core's boot script had put it in already.
        list($this->system->boot, $this->system->sum) = ['boot-3', 240];
        $this->maintenance()->repair();
        $this->assertSame(240, $this->system->sum);
    }

    public function testA240OfAnEarlierBootIsNotOursToTake()
    {
        $this->enter('update');
        list($this->system->boot, $this->system->flag) = ['boot-2', false];
        $this->assertSame('none', $this->maintenance()->show()['demotion']);
        $this->maintenance()->watch();
        $this->maintenance()->repair();
        $this->assertSame(240, $this->system->sum);
    }

    public function testWhatCannotBeToldIsNotWritten()
    {
        $this->system->sum = 7;
        $this->assertSame('failed', $this->enter('update')['result']);
        $this->assertSame(['flag on'], $this->system->writes);
        $this->assertSame('unknown', $this->maintenance()->show()['demotion']);
        $this->assertSame('failed', $this->maintenance()->leave('admin')['result']);
        $this->assertSame([false, 7], [$this->system->flag, $this->system->sum]);

        // carpd's own share, where its state file cannot be read: 241 of which nobody knows whose it is.
        $this->system = new FakeSystem();
        $this->system->sum = 241;
        $this->assertSame('failed', $this->enter('update')['result']);
        $this->assertSame('unknown', $this->maintenance()->show()['demotion']);

        $this->system = new FakeSystem();
        $this->system->ledger = 'uncertain';
        $this->enter('update');
        $this->assertSame(0, $this->system->sum);
    }

    public function testAStatusOfBeforeTheLastChangeIsNotBelieved()
    {
        $this->system->status();
        // Two answers for the first time, and two that are too old for the second.
        $this->system->late = 4;
        $this->enter('update');
        $this->assertSame('ok', $this->enter('again')['result']);
        $this->assertSame(240, $this->system->sum);
    }

    public function testAKnownNoOfThePeerRefusesUnlessForced()
    {
        $this->system->preflight = ['answer' => 'no', 'text' => 'both nodes are MASTER'];
        $this->assertSame(['result' => 'refused', 'message' => 'both nodes are MASTER'], $this->enter('update'));
        $this->assertSame([], $this->system->writes);
        $this->assertSame('ok', $this->enter('update', null, true)['result']);
    }

    public function testItEndsByItselfButNotByAClockThatWasReset()
    {
        $this->enter('update', 600);
        $this->system->now += 599;
        $this->assertNull($this->maintenance()->watch());
        $this->system->now = 0;
        $this->assertNull($this->maintenance()->watch());
        $this->system->now = 1763683200 + 600;
        $this->assertSame('maintenance left', $this->maintenance()->watch());
        $this->assertSame([false, 0], [$this->system->flag, $this->system->sum]);
    }

    public function testTheUsualEndIsTakenWhereNobodySaidAnother()
    {
        $this->system->default = 3600;
        $this->enter('update');
        $this->assertSame('2025-11-21T01:00:00Z', $this->maintenance()->show()['until']);
        $this->system->now += 60;
        $this->enter('still');
        $this->assertSame('2025-11-21T01:00:00Z', $this->maintenance()->show()['until'], 'to repeat it does not put it off');
    }

    public function testAFlagThatAnotherProcessOverwritesIsSetAgain()
    {
        $system = $this->system;
        // A hook that the +240 has set in motion saves a configuration that it had read before.
        $maintenance = new Maintenance(new class ($system) {
            private $inner;

            public function __construct($inner)
            {
                $this->inner = $inner;
            }

            public function __call($name, $arguments)
            {
                $result = $this->inner->$name(...$arguments);
                if ($name === 'add') {
                    $this->inner->flag = false;
                }
                return $result;
            }
        }, $this->directory . '/state');
        $this->assertSame('ok', $maintenance->enter('update', null, 'admin', false)['result']);
        $this->assertSame([true, 240], [$system->flag, $system->sum]);
    }

    public function testAReasonThatIsTooLongAndATimeOutOfRangeChangeNothing()
    {
        $this->assertSame('failed', $this->enter(str_repeat('x', 201))['result']);
        $this->assertSame('failed', $this->enter(null, 59)['result']);
        $this->assertSame('failed', $this->enter(null, 367 * 86400)['result']);
        $this->assertSame([], $this->system->writes);
    }

    public function testADamagedRecordIsAnEmptyOne()
    {
        mkdir($this->directory . '/state');
        foreach (['', '{', '[]', '{"reason":5,"in_place":"yes","until":[]}'] as $text) {
            file_put_contents($this->directory . '/state/maintenance.json', $text);
            $this->assertSame('none', $this->maintenance()->show()['demotion']);
        }
    }

    public function testOnlyOneAtATime()
    {
        mkdir($this->directory . '/state');
        $lock = fopen($this->directory . '/state/maintenance.lock', 'c');
        flock($lock, LOCK_EX);
        $this->assertNull($this->maintenance()->watch());
        fclose($lock);
    }

    public function testTheFlagInTheConfigurationIsThatOfOpnsense()
    {
        $system = new MaintenanceSystem();
        $this->assertFalse($system->flag());
        $system->setFlag(true, 'enter');
        $system->setFlag(true, 'enter');
        $this->assertTrue($system->flag());
        $text = file_get_contents($this->directory . '/config.xml');
        $flag = '<virtualip_carp_maintenancemode>1</virtualip_carp_maintenancemode>';
        $this->assertSame(1, substr_count($text, $flag));
        $this->assertStringContainsString('WAN VIP', $text);
        // Somebody else's change is neither lost nor brought back.
        file_put_contents($this->directory . '/config.xml', str_replace('WAN VIP', 'another', $text));
        $system->setFlag(false, 'leave');
        $this->assertFalse($system->flag());
        $text = file_get_contents($this->directory . '/config.xml');
        $this->assertStringNotContainsString('maintenancemode', $text);
        $this->assertStringContainsString('another', $text);
        // As core writes it after an import, or by hand: what is there counts, not what is in it.
        $this->useConfig('pair.xml', fn($text) => str_replace('</opnsense>', '<virtualip_carp_maintenancemode/></opnsense>', $text));
        $this->assertTrue($system->flag());
    }

    public function testTheUsualEndComesFromTheSettings()
    {
        $this->assertNull((new MaintenanceSystem())->defaultSeconds());
        $section = '<OPNsense><carpd><general><maintenance_default_for>2h</maintenance_default_for></general></carpd></OPNsense>';
        $this->useConfig('pair.xml', fn($text) => str_replace('</opnsense>', $section . '</opnsense>', $text));
        $this->assertSame(7200, (new MaintenanceSystem())->defaultSeconds());
    }
}
